"""Every Scrapy setting that differs from Scrapy's own, each with its reason. `crawler.run` adds a user's choices."""

from importlib.metadata import version

from scrapy.settings import default_settings

BOT_NAME = "birdnest"
# Each site is a spider: `scrapy list` and `scrapy crawl niaogebiji` work as a Scrapy user expects.
SPIDER_LOADER_CLASS = "crawler.loader.SiteSpiderLoader"
USER_AGENT = f"Birdnest/{version('birdnest')} (article archiver; no contact given)"

# Our own middleware instead of Scrapy's, which takes a 5xx of robots.txt for "allowed".
ROBOTSTXT_OBEY = False
BIRDNEST_ROBOTS = True
# As birdnest.toml has it by default; a user's choices come with `crawler.run`.
BIRDNEST_RAW = "pages"
BIRDNEST_CHECK_IMAGES = "auto"

# Both listen on a port and run code for whoever connects.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
# Scrapy does not verify TLS certificates by default.
DOWNLOAD_VERIFY_CERTIFICATES = True
# Sites track readers by cookies; an archiver is nobody.
COOKIES_ENABLED = False
# Image hosts refuse foreign referers and none refuses none; where a reader came from is nobody's business either.
REFERRER_POLICY = "no-referrer"
# A page that refreshes itself is a page; following it hides what was fetched.
METAREFRESH_ENABLED = False
# A delay is a promise: Scrapy's own would be cut by up to half.
DOWNLOAD_DELAY_JITTER = 0
# More is a loop.
REDIRECT_MAX_TIMES = 5

# The handler has a limit for each kind of request (`crawler.limits`); this one is above all of them.
DOWNLOAD_MAXSIZE = 64 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
# Scrapy starts as many tasks for each page as it may have items; ours has one.
CONCURRENT_ITEMS = 1
DOWNLOAD_TIMEOUT = 60
# Bytes of pages whose posts are under way: bounds the posts that wait for their images.
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 2_000_000

DOWNLOAD_HANDLERS = {
    "http": "crawler.origins.OriginsDownloadHandler",
    "https": "crawler.origins.OriginsDownloadHandler",
    "ftp": None,
    "file": None,
    "s3": None,
}
DOWNLOADER_MIDDLEWARES = {
    "crawler.ending.EndingMiddleware": 50,
    "crawler.blockade.BlockadeMiddleware": 55,
    # Before robots.txt is asked for: not even that is fetched from where a crawl has no business.
    "crawler.guard.GuardMiddleware": 60,
    "crawler.proxy.ProxyMiddleware": 90,
    "crawler.robots.RobotsMiddleware": 100,
    # Strict, and within the limits of each kind of request.
    "crawler.compression.CompressionMiddleware": 590,
    # Next to the host: answers are captured before anything decompresses or follows them.
    "crawler.state.CaptureMiddleware": 900,
}
# Pipelines know of no way to the web: they ask this extension for images.
BIRDNEST_IMAGE_CLIENT = "crawler.image_client.ImageClient"
EXTENSIONS = {
    # Replaces AutoThrottle: a floor for each host, and back-off.
    "crawler.throttle.Throttle": 0,
    "pipelines.session.ArchiveSession": 0,
    "crawler.ending.Ending": 0,
    "crawler.blockade.Blockade": 0,
    "crawler.state.CrawlState": 5,
    "crawler.image_client.ImageClient": 6,
    "crawler.report.RunReporter": 10,
}
# What Scrapy starts by itself and a run does without. A None in the two above would keep it from working, and import it
# all the same: with the remote control comes a web server, with the cookies another client and the public suffixes,
# a fifth of what a run that finds nothing new costs.
_left_out = {
    # Off by their settings.
    "scrapy.downloadermiddlewares.cookies.CookiesMiddleware",
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware",
    "scrapy.extensions.remote_control.RemoteControl",
    "scrapy.extensions.telnet.TelnetConsole",
    # Replaced by ours.
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware",
    "scrapy.extensions.throttle.AutoThrottle",
    # A log line a minute that repeats what the progress bar and the report say.
    "scrapy.extensions.logstats.LogStats",
    # Each is asked about each page, and has nothing to do for ours: spiders name no domains and no passwords, and no
    # page gives requests, of which depth or copied meta would matter. (RefererMiddleware does as little, but redirects
    # ask for it.) A URL too long for UrlLengthMiddleware would end in a line of the log and in no report.
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware",
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware",
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware",
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware",
    "scrapy.spidermiddlewares.depth.DepthMiddleware",
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware",
}
DOWNLOADER_MIDDLEWARES_BASE = {
    name: place for name, place in default_settings.DOWNLOADER_MIDDLEWARES_BASE.items() if name not in _left_out
}
SPIDER_MIDDLEWARES_BASE = {
    name: place for name, place in default_settings.SPIDER_MIDDLEWARES_BASE.items() if name not in _left_out
}
EXTENSIONS_BASE = {name: place for name, place in default_settings.EXTENSIONS_BASE.items() if name not in _left_out}
ITEM_PIPELINES = {
    "pipelines.dates.DatesPipeline": 100,
    "pipelines.export.RecallPipeline": 200,
    "pipelines.clean_post.CleanPipeline": 300,
    "pipelines.check.CheckPipeline": 400,
    "pipelines.images.ImagesPipeline": 500,
    "pipelines.export.ExportPipeline": 600,
}

# The report lists what failed and why; these would say it again, with whole items and tracebacks.
LOG_FORMATTER = "crawler.logs.PostLogFormatter"
DEFAULT_DROPITEM_LOG_LEVEL = "DEBUG"
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"
# The report says it better.
STATS_DUMP = False
