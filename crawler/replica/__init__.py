"""A replica of 鸟哥笔记 (niaogebiji.com) that answers over HTTP on this machine.

`birdnest demo` and the tests crawl it. It stands for the whole of the site's world: the PC site and every image
host its posts name are virtual hosts of one server, told apart by the Host header. A crawler reaches it through an
`origins` map (canonical origin → `http://127.0.0.1:PORT`), as with curl's `--connect-to`, so pages carry the real
site's addresses and nothing in an archive ever names the replica.

    content.py     posts as files: a header of `key: JSON` lines, an empty line, the body
    generated.py   any number of further posts, for measuring
    dirt.py        the numbered patterns of dirty HTML, and how each is recognised
    trouble.py     what is wrong on purpose: ids, image URLs, the failures a crawl must report
    shell.py       the frame around every page
    pages.py       the article pages, and the pages that stand in for one
    lists.py       home, categories, tags, the JSON list, the bulletin
    pictures.py    the images, drawn
    gallery.py     which picture a URL shows
    site.py        request → response; the state that tests change
    server.py      the HTTP server
    control.py     `/__replica__/…`: how another process changes the state
    process.py     `Replica`: the server as a subprocess of a test or of the demo

Every article is written for this package except the one with the id `trouble.SEED_ID`. The posts are fiction: brands
and numbers in them are invented.
"""
