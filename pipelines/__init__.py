"""The item pipelines: each file holds a pure core that a test can call and a thin Scrapy shell around it.

A post passes them in this order (crawler/settings.py names them to Scrapy)::

    dates.DatesPipeline     raw times → aware datetimes
    export.RecallPipeline   the version the archive holds; the same source again ends here, unchanged
    clean_post.CleanPipeline  the body's HTML → what a reader sees, and nothing else
    check.CheckPipeline     invariants; a post that breaks one is rejected with a reason
    images.ImagesPipeline   each image's original bytes into the archive, or its miss with the reason
    export.ExportPipeline   the finished post → the archive

A post whose `outcome` is known passes the remaining ones untouched.
"""
