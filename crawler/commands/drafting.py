"""`birdnest new-site` and `birdnest fixture`: a new site's module and its test cases, drafted from pages."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn
from urllib.parse import urlsplit

import typer

from archive.errors import PageError, UnsupportedUrlError, UsageError
from crawler.terminal import ConfigOption, JsonOption, VerboseOption, complain, config_of, log_level, print_json, say

if TYPE_CHECKING:
    from crawler.config import Config
    from crawler.draft.findings import Around
    from crawler.draft.pages import Seen
    from crawler.draft.site import SiteDraft
    from crawler.profile import SiteProfile

_SITES = Path("crawler/sites")
_CASES = Path("tests/sites")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]*")
_CASE = re.compile(r"[a-z0-9][a-z0-9._-]*")

ToOption = Annotated[
    Path | None,
    typer.Option("--to", help="Write below this folder instead of the checkout one stands in", show_default=False),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite files that are there")]


def new_site(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="URL…|FILE…", help="A site's list and articles: addresses, or pages saved to disk"),
    ],
    *,
    url: Annotated[
        list[str] | None,
        typer.Option(
            "--url", help="The address a FILE came from; once for each file, in their order", show_default=False
        ),
    ] = None,
    slug: Annotated[
        str | None, typer.Option(help="The site's name in every key of the archive", show_default="of its host")
    ] = None,
    articles: Annotated[int, typer.Option(min=1, max=10, help="Fetch so many of the articles that the list names")] = 3,
    to: ToOption = None,
    force: ForceOption = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Draft the module of a new site and its test case, from its pages."""
    from crawler.draft.site import draft_site
    from crawler.draft.source import module_source

    root = _root(to)
    seen, around = _site_pages(sources, url or [], root, slug, config, articles=articles, force=force, verbose=verbose)
    drafted = draft_site(seen, slug=slug or "", around=around)
    files = {_module_path(root, drafted.site.slug): module_source(drafted.draft).encode()}
    for case, inside in _cases_of(drafted).items():
        files |= {root / _CASES / drafted.site.slug / case / name: body for name, body in inside.items()}
    _write(files, force=force)
    if json_:
        written = [str(file) for file in files]
        print_json({"site": drafted.site.slug, "wrote": written, "found": drafted.found, "doubts": drafted.doubts})
        return
    _tell(drafted, list(files))


def fixture(
    source: Annotated[str, typer.Argument(metavar="URL|FILE", help="A post of a site, or its page saved to disk")],
    *,
    url: Annotated[str | None, typer.Option("--url", help="The address a FILE came from", show_default=False)] = None,
    site: Annotated[str | None, typer.Option(help="The site", show_default="the one the address belongs to")] = None,
    case: Annotated[str | None, typer.Option(help="What to call the case", show_default="the post's id")] = None,
    to: ToOption = None,
    force: ForceOption = False,
    config: ConfigOption = None,
    verbose: VerboseOption = 0,
) -> None:
    """Save a page as a test case of its site, with what the profile extracts of it today."""
    from crawler.draft.fixture import case_files, case_name
    from crawler.draft.pages import read_files

    if case is not None and not _CASE.fullmatch(case):
        raise UsageError(f"--case {case!r}: expected small letters, digits, '.', '_' and '-'")
    root, loaded = _root(to), config_of(config, None)
    seen = None if _is_url(source) else read_files([Path(source)], [url] if url else [])[0]
    if seen is None and url:
        raise UsageError("--url tells the address of a FILE: a URL is its own")
    address = seen.url if seen else source
    profile = _profile(address, site, loaded)
    folder = root / _CASES / profile.slug / (case or case_name(profile, address))
    _require_absent([folder], force=force)
    if seen is None:
        from crawler.survey import survey  # with Scrapy, which saved pages do not need

        (seen,) = survey(loaded, profile.slug, [source], log_level=log_level(verbose)).pages
    files = {folder / name: body for name, body in case_files(profile, seen).items()}
    _write(files, force=force)
    for file in files:
        say(f"wrote {file}")
    expected = next(file.name for file in files if file.name in ("post.json", "links.json", "refusal.json"))
    say(
        f"{expected} says what the profile makes of it today: compare it with the page, and correct what is wrong in it"
    )


def _root(to: Path | None) -> Path:
    """The folder to write below. Raises UsageError outside a checkout when none is given."""
    if to is not None:
        return to
    if not (_SITES / "__init__.py").is_file() or not _CASES.is_dir():
        raise UsageError(
            f"this folder is no checkout of Birdnest (there is no {_SITES}/__init__.py): go there, or give --to FOLDER"
        )
    return Path()


def _is_url(source: str) -> bool:
    return bool(re.match(r"https?://", source, re.IGNORECASE))


def _site_pages(
    sources: Sequence[str],
    urls: Sequence[str],
    root: Path,
    slug: str | None,
    config: Path | None,
    *,
    articles: int,
    force: bool,
    verbose: int,
) -> tuple[Sequence[Seen], Around]:
    """The pages to draft from; what keeps the draft from being written is said before anything is fetched."""
    from crawler.addresses import site_of
    from crawler.draft.findings import Around
    from crawler.draft.pages import is_web_address, read_files

    if slug is not None and not _SLUG.fullmatch(slug):
        raise UsageError(f"--slug {slug!r}: expected small letters, digits and '-'")
    online = [_is_url(source) for source in sources]
    if not any(online):
        seen = read_files([Path(source) for source in sources], urls)
        _require_new(root, seen[0].url, slug, force=force)
        return seen, Around()
    if not all(online):
        raise UsageError("give URLs, or files, not both: save the pages to disk, or let all be fetched")
    if urls:
        raise UsageError("--url tells the address of a FILE: a URL is its own")
    for source in sources:
        if not is_web_address(source):
            raise UsageError(f"{source!r} is no web address: expected one such as https://www.example.com/")
    _require_new(root, sources[0], slug, force=force)
    from crawler.survey import survey  # with Scrapy, which saved pages do not need

    result = survey(
        config_of(config, None), site_of(sources[0]), sources, articles=articles, log_level=log_level(verbose)
    )
    for error in result.failed:
        complain(f"not had: {error}")
    return result.pages, result.around


def _require_new(root: Path, url: str, slug: str | None, *, force: bool) -> None:
    from crawler.draft.site import slug_of
    from crawler.sites import all_sites

    host = urlsplit(url).hostname or ""
    slug = slug or slug_of(host)
    module = _module_path(root, slug)
    for known in all_sites().values():
        if slug == known.slug and host not in known.hosts:
            raise UsageError(f"the slug {slug!r} is that of {known.hosts[0]}: give another one with --slug")
        if host in known.hosts and not (force and slug == known.slug):
            raise UsageError(
                f"{host} is known as {known.slug}: `birdnest probe {known.slug}` tells what no longer fits: correct "
                f"its module, or give --slug {known.slug} --force to draft it anew"
            )
    if module.exists() and not force:
        raise UsageError(f"{module} is there already: edit it, give another --slug, or --force to overwrite it")


def _module_path(root: Path, slug: str) -> Path:
    name = slug.replace("-", "_")
    plain = name.isidentifier() and not keyword.iskeyword(name)
    return root / _SITES / f"{name if plain else f'site_{name}'}.py"


def _cases_of(drafted: SiteDraft) -> dict[str, Mapping[str, bytes]]:
    """The cases of the best article and of each list, by name. Raises PageError when no article gives a post."""
    from crawler.draft.fixture import case_files, case_name

    errors: list[PageError] = []
    cases: dict[str, Mapping[str, bytes]] = {}
    for seen in drafted.articles:
        try:
            cases[case_name(drafted.site, seen.url)] = case_files(drafted.site, seen, drafted.link_to(seen))
            break
        except PageError as error:
            errors.append(error)
    if not cases:
        raise errors[0]
    return cases | {case_name(drafted.site, seen.url): case_files(drafted.site, seen) for seen in drafted.lists}


def _profile(url: str, slug: str | None, config: Config) -> SiteProfile:
    """The profile whose post or list an address is. Raises UsageError where there is none."""
    from crawler.draft.fixture import listing_at
    from crawler.profile import address
    from crawler.sites import all_sites

    if slug is not None and slug not in all_sites():
        raise UsageError(f"no such site: {slug!r}, known are: {', '.join(all_sites())}")
    for name in [slug] if slug else all_sites():
        profile = config.site(name)
        if address(profile, url) is not None or listing_at(profile, url) is not None:
            return profile
    where = f"of {slug}" if slug else "of a site Birdnest knows"
    raise UnsupportedUrlError(f"{url!r} is no post and no list {where}: draft a new site with `birdnest new-site`")


def _require_absent(files: Iterable[Path], *, force: bool) -> None:
    there = [file for file in files if file.exists()]
    if there and not force:
        raise UsageError(f"{there[0]} is there already: correct it, or give --force to overwrite it")


def _write(files: Mapping[Path, bytes], *, force: bool) -> None:
    _require_absent(files, force=force)
    for file, body in files.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        except OSError as error:
            _refuse(file, error)


def _refuse(file: Path, error: OSError) -> NoReturn:
    raise UsageError(f"{file}: cannot be written: {error.strerror}: name another folder with --to") from error


def _tell(drafted: SiteDraft, files: Sequence[Path]) -> None:
    from crawler.draft.account import row

    for line in drafted.found:
        say(line)
    say("")
    for line in drafted.doubts:
        say(f"look at      {line}")
    say("")
    for file in files:
        say(f"wrote {file}")
    slug = drafted.site.slug
    say(f"for docs/sites.md: {row(drafted.site)}")
    run = f".venv/bin/python -m pytest -q tests/crawler/test_sites.py -k {slug}"
    say(f"next: read the module, compare post.json with the page, then run `{run}`")
