"""A book of an archive's posts: EPUB 3.3, which older readers open as well.

::

    mimetype                              first, and stored as it is
    META-INF/container.xml
    EPUB/book.css
    EPUB/posts/niaogebiji/article-482538.xhtml    a chapter for each post, in the order of publication
    EPUB/images/bc47657b….jpg             each picture once, by the digest of its bytes
    EPUB/cover.xhtml, nest.svg, cover.png the cover as a page, its drawing, and the picture that shelves show
    EPUB/nav.xhtml, toc.ncx               contents, and contents for readers of EPUB 2
    EPUB/imprint.xhtml                    which archive, which versions of which posts, with their digests
    EPUB/package.opf                      last, for it names what there is

The archive is read twice: first for what the book holds, in which order and under which addresses, so that posts can
link to each other; then post by post, each with the pictures that are not in the book yet. So what is in memory is a
line for each post, and one post. Nothing asks the clock: the same archive and choice give the same bytes.

A body goes through `body.py`, which lets pass what the format allows and nothing else: what an archive that was
edited by hand holds beyond it neither runs nor breaks the book.
"""
