"""The archive as a site that people read: static pages, one stylesheet, no server, no request to anywhere else.

::

    index.html                                the newest posts; all/0001.html … all of them, from the oldest
    posts/niaogebiji/article-482538/index.html    a post's newest version
    posts/niaogebiji/article-482538/v0001.html    an older version; versions.html lists them, v0001-v0002.html compares
    images/ab/ab….jpg                         pictures, as the archive has them
    sites/ categories/ tags/ authors/ months/ lists of posts; index.html in each lists the lists, and
    tags/app-<digest>.html, tags/app-<digest>.0001.html … are a list's newest posts and its full pages
    runs/index.html, runs/<day>/<run>.html    how the crawls went
    search.html, search/                      full text, where Pagefind made an index
    feed.xml, reader.css, icon.svg

Links name files (`…/index.html`), so that the pages open from a disk as they do from a server. Every page carries a
Content-Security-Policy that allows its own pictures and stylesheet and, on the search page alone, our own script.
"""
