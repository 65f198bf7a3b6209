"""Telling people when a site's state changes: once for each change, not once for each run.

What was told is kept in the state folder, `alerts/<site>-<8 hex digits of the archive's address>.json`, one entry for
each place that is told: where telling fails, the next run tries again, and nothing is told twice. That is no matter of
the run: it is said, and the run's exit code stays.

State of a site
---------------
::

    fine ──▶ trouble ──▶ other trouble     each arrow is told once
      ▲         │             │
      └─────────┴─────────────┘            a recovery: told where the trouble was

A run that was interrupted, or did not begin, says nothing of the site. A quiet run, with no post to read, says nothing
of trouble with posts: the alert stands until a post is read well again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.parse import quote_plus, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from archive.errors import ConfigError
from archive.model import RunReport
from crawler.config import AlertTable, Config
from crawler.sites import all_sites

FINE = "fine"
DIED = "died"  # a run that ended without a verdict of its own
_SAYS_NOTHING = frozenset({"interrupted", "not begun"})
_TIMEOUT_SECONDS = 10
_COMMAND_SECONDS = 60
_MOST_REASONS = 5
_REASON_CHARACTERS = 300
_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a run says of its site. of_posts: the trouble lies with posts; read_posts: it read some, and well."""

    site: str
    archive: str
    verdict: str
    reasons: tuple[str, ...]
    run: str
    at: datetime
    of_posts: bool = False
    read_posts: bool = True

    @classmethod
    def of(cls, report: RunReport, archive: str) -> Self:
        """archive: its address, as people know it."""
        lost_posts = any(f.what == "post" and not f.expected for f in report.failures)
        return cls(
            site=report.site,
            archive=archive,
            verdict=report.verdict,
            reasons=report.reasons,
            run=report.run,
            at=report.finished_at,
            of_posts=report.verdict == "below expectations" and (lost_posts or report.figures.posts > 0),
            read_posts=report.figures.pages > 0,
        )


@dataclass(frozen=True, kw_only=True)
class State:
    """What a site is in now, since when, and what each place was told last."""

    verdict: str = FINE
    since: str = ""
    of_posts: bool = False
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What is to be told: a site's state was `before` when last told, and now is as `finding` says."""

    finding: Finding
    before: str

    @property
    def recovered(self) -> bool:
        return self.finding.verdict == FINE

    @property
    def subject(self) -> str:
        """One line.

        >>> from datetime import UTC
        >>> finding = Finding(site="a", archive="./nest", verdict="fine", reasons=(), run="r", at=datetime.now(UTC))
        >>> Notice(finding=finding, before="unreachable").subject
        'Birdnest: a has recovered (was: unreachable)'
        """
        if self.recovered:
            return f"Birdnest: {self.finding.site} has recovered (was: {self.before})"
        was = f" (was: {self.before})" if self.before != FINE else ""
        return f"Birdnest: {self.finding.site}: {self.finding.verdict}{was}"

    @property
    def text(self) -> str:
        """The whole message: what is the matter, and where to look."""
        finding = self.finding
        site = all_sites().get(finding.site)
        reasons = [_cut(reason) for reason in finding.reasons[:_MOST_REASONS]]
        if len(finding.reasons) > _MOST_REASONS:
            reasons.append(f"… and {len(finding.reasons) - _MOST_REASONS} more, in the run's report")
        about = f"{site.title if site else finding.site}, archive {finding.archive}, {finding.at.isoformat(sep=' ')}"
        return "\n".join((self.subject, *(f"- {reason}" for reason in reasons), about, f"run {finding.run}"))

    @property
    def facts(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            **asdict(self.finding),
            "at": self.finding.at.isoformat(),
            "before": self.before,
            "recovered": self.recovered,
            "subject": self.subject,
        }


class NotTold(Exception):  # noqa: N818 - it fails no run
    """A place could not be told. The message names no secret."""


def follow(state: State, finding: Finding) -> State:
    """A site's state after a run. Pure."""
    if finding.verdict in _SAYS_NOTHING:
        return state
    if finding.verdict == FINE and state.of_posts and not finding.read_posts:
        return state
    of_posts = finding.verdict != FINE and (finding.of_posts or state.of_posts)
    since = state.since if finding.verdict == state.verdict else finding.at.isoformat()
    return replace(state, verdict=finding.verdict, since=since, of_posts=of_posts)


def announce(config: Config, findings: list[Finding], *, complain: Callable[[str], None]) -> None:
    """Tell every place what has changed for it; `complain` is told of those that could not be told. Never raises."""
    for finding in findings:
        try:
            _announce(config, finding, complain)
        except OSError as error:
            if config.alerts:  # who has none is told by the run itself
                why = f"state folder {config.state}: {error.strerror}: what was told is not kept"
                complain(f"alerts: {finding.site}: {why}")


def _announce(config: Config, finding: Finding, complain: Callable[[str], None]) -> None:
    file = state_file(config.state.expanduser(), finding.archive, finding.site)
    before = read_state(file)
    state = follow(before, finding)
    told = dict(state.told)
    # A run that says nothing of the site, or not enough, is no occasion to tell what it did not see.
    concerned = finding.verdict == state.verdict
    for alert in config.alerts if concerned else ():
        place = place_of(alert)
        last = told.get(place, FINE)
        if (alert.sites and finding.site not in alert.sites) or last == finding.verdict:
            continue
        try:
            tell(alert, Notice(finding=finding, before=last))
        except (NotTold, ConfigError) as error:
            complain(f"alerts: {finding.site}: {alert.kind}: {error}; the next run tries again")
        else:
            told[place] = finding.verdict
    after = replace(state, told=told)
    if after != before:
        _write(file, after)


def state_file(state: Path, archive: str, site: str) -> Path:
    """Where a site's alert state lies below the state folder. archive: its address."""
    address = archive if "://" in archive else str(Path(archive).resolve())
    return state / "alerts" / f"{site}-{hashlib.sha256(address.encode()).hexdigest()[:8]}.json"


def read_state(file: Path) -> State:
    """The state that was kept; that of a site that is fine where there is none, or it cannot be read."""
    try:
        return State(**json.loads(file.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return State()


def _write(file: Path, state: State) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as target:
        target.write(json.dumps(asdict(state), ensure_ascii=False).encode())
        target.flush()
        os.fsync(target.fileno())
    Path(target.name).replace(file)


def place_of(alert: AlertTable) -> str:
    """Names a place that is told, the same from run to run, without giving its secrets away."""
    given = alert.model_dump(include={"kind", "url_env", "command", "host", "sender", "to"})
    url = alert.url.get_secret_value() if alert.url else ""
    return f"{alert.kind}-{hashlib.sha256(json.dumps([given, url]).encode()).hexdigest()[:12]}"


def tell(alert: AlertTable, notice: Notice) -> None:
    """Send a notice to one place. Raises NotTold, and ConfigError for a secret that the environment lacks."""
    if alert.kind == "mail":
        _mail(alert, notice)
    elif alert.kind == "command":
        _command(alert, notice)
    else:
        _post(alert, notice)


# -- webhooks --------------------------------------------------------------------------------------------------


def payload(kind: str, notice: Notice, *, secret: str | None, now: float) -> dict[str, Any]:
    """What a webhook of this kind takes as JSON.

    slack: api.slack.com/messaging/webhooks. feishu: 飞书's custom robot, whose signature is part of the message.
    wecom: 企业微信's group robot. dingtalk: 钉钉's custom robot, whose signature is part of the address.
    """
    match kind:
        case "slack":
            return {"text": notice.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
        case "feishu":
            signed = {"timestamp": str(int(now)), "sign": _feishu_sign(secret, int(now))} if secret else {}
            return {**signed, "msg_type": "text", "content": {"text": notice.text}}
        case "wecom":
            # The robot refuses more than 2,048 bytes.
            return {"msgtype": "text", "text": {"content": notice.text.encode()[:2000].decode("utf-8", "ignore")}}
        case "dingtalk":
            return {"msgtype": "text", "text": {"content": notice.text}}
        case _:
            return {**notice.facts, "text": notice.text}


def signed_url(kind: str, url: str, *, secret: str | None, now: float) -> str:
    """The address to post to: 钉钉's robots take timestamp and signature as parts of the query."""
    if kind != "dingtalk" or not secret:
        return url
    stamp = str(int(now * 1000))
    sign = base64.b64encode(hmac.digest(secret.encode(), f"{stamp}\n{secret}".encode(), "sha256")).decode()
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, f"timestamp={stamp}&sign={quote_plus(sign)}")))
    return urlunsplit(parts._replace(query=query))


def _feishu_sign(secret: str, stamp: int) -> str:
    return base64.b64encode(hmac.digest(f"{stamp}\n{secret}".encode(), b"", "sha256")).decode()


def refusal(answer: bytes) -> str | None:
    """Why a webhook that answered 200 refused: robots say so in a code of their own.

    >>> refusal(b'{"errcode": 310000, "errmsg": "sign not match"}')
    'sign not match (310000)'
    >>> refusal(b"ok")
    """
    try:
        told = json.loads(answer)
    except ValueError:
        return None
    if not isinstance(told, dict):
        return None
    code = told.get("errcode", told.get("code", told.get("StatusCode", 0)))
    return f"{told.get('errmsg') or told.get('msg') or 'refused'} ({code})" if code else None


def _post(alert: AlertTable, notice: Notice) -> None:
    url, secret, now = alert.value("url") or "", alert.value("secret"), time.time()
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotTold("its address is no http(s) URL")
    body = json.dumps(payload(alert.kind, notice, secret=secret, now=now), ensure_ascii=False)
    request = Request(  # noqa: S310 - http and https alone, see above
        signed_url(alert.kind, url, secret=secret, now=now),
        data=body.encode("utf-8", "replace"),
        headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "Birdnest"},
    )
    try:
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - as above
            why = refusal(response.read(_ANSWER_BYTES))
    except HTTPError as error:
        error.close()
        raise NotTold(f"{parts.hostname} answered {error.code}") from None
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NotTold(f"{parts.hostname}: {type(reason).__name__}") from None  # its text may quote the address
    if why:
        raise NotTold(f"{parts.hostname} refused: {why}")


# -- mail and commands -----------------------------------------------------------------------------------------


def _mail(alert: AlertTable, notice: Notice) -> None:
    message = EmailMessage()
    message["Subject"] = notice.subject
    message["From"] = alert.sender
    message["To"] = ", ".join(alert.to)
    message["Date"] = format_datetime(notice.finding.at)
    message.set_content(notice.text.encode("utf-8", "replace").decode())
    host, context = alert.host or "", ssl.create_default_context()
    password = alert.value("password")
    try:
        with _server(host, alert, context) as server:
            if alert.encryption == "starttls":
                server.starttls(context=context)
            if alert.user:
                server.login(alert.user, password or "")
            server.send_message(message)
    except smtplib.SMTPAuthenticationError:
        raise NotTold(f"{host} refused the login of {alert.user}") from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotTold(f"{host}: {type(error).__name__}: {_one_line(str(error))}") from None


def _server(host: str, alert: AlertTable, context: ssl.SSLContext) -> smtplib.SMTP:
    if alert.encryption == "tls":
        return smtplib.SMTP_SSL(host, alert.port or 465, timeout=_TIMEOUT_SECONDS, context=context)
    return smtplib.SMTP(host, alert.port or (587 if alert.encryption == "starttls" else 25), timeout=_TIMEOUT_SECONDS)


def _command(alert: AlertTable, notice: Notice) -> None:
    told = {
        "BIRDNEST_SITE": notice.finding.site,
        "BIRDNEST_VERDICT": notice.finding.verdict,
        "BIRDNEST_BEFORE": notice.before,
        "BIRDNEST_RUN": notice.finding.run,
        "BIRDNEST_HOST": socket.gethostname(),
    }
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command, no shell
            alert.command,
            input=notice.text.encode("utf-8", "replace"),
            env={**os.environ, **told},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotTold(f"{alert.command[0]}: {type(error).__name__}") from None
    if done.returncode:
        raise NotTold(f"{alert.command[0]} ended with {done.returncode}")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_REASON_CHARACTERS]


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _REASON_CHARACTERS else f"{line[:_REASON_CHARACTERS]}…"
