"""Who is told when a site's state changes: once, in the words each place takes, and without giving secrets away."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import hmac
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from crawler.alerts import (
    DIED,
    Finding,
    Notice,
    NotTold,
    State,
    announce,
    follow,
    payload,
    place_of,
    read_state,
    refusal,
    signed_url,
    state_file,
    tell,
)
from crawler.config import AlertTable, Config, parse_config
from tests.crawler.listeners import Webhook, mail_server, webhook
from tests.support import Birdnest

AT = datetime(2026, 11, 25, 8, tzinfo=UTC)
NOW = 1795593600.5
SITE = "niaogebiji"
KEY = "a robot's key"


def finding(verdict: str = "below expectations", **given: Any) -> Finding:
    usual = {"site": SITE, "archive": "./nest", "reasons": ("a reason <b>&",), "run": "20261125T080000Z-x", "at": AT}
    return Finding(**{"verdict": verdict, **usual, **given})


NOTICE = Notice(finding=finding(), before="fine")


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


class Told:
    """A configuration with one webhook, and what was complained of."""

    def __init__(self, folder: Path, *alerts: dict[str, Any]) -> None:
        self.config: Config = parse_config({"state": str(folder), "archive": "./nest", "alerts": list(alerts)}, "toml")
        self.complaints: list[str] = []

    def __call__(self, verdict: str, **given: Any) -> None:
        announce(self.config, [finding(verdict, **given)], complain=self.complaints.append)


# --- once for each change ---


def test_each_change_is_told_once_and_a_recovery_too(tmp_path: Path, hook: Webhook) -> None:
    told = Told(tmp_path, {"kind": "json", "url": hook.url})
    verdicts = ["fine", "below expectations", "below expectations", "unreachable", "unreachable", "fine", "fine"]
    for verdict in verdicts:
        told(verdict)
    assert [(message["before"], message["verdict"]) for message in hook.told] == [
        ("fine", "below expectations"),
        ("below expectations", "unreachable"),
        ("unreachable", "fine"),
    ]
    assert [message["recovered"] for message in hook.told] == [False, False, True]
    assert told.complaints == []


@pytest.mark.parametrize("verdict", ["interrupted", "not begun"])
def test_a_run_that_says_nothing_of_its_site_changes_nothing(tmp_path: Path, hook: Webhook, verdict: str) -> None:
    told = Told(tmp_path, {"kind": "json", "url": hook.url})
    for each in ("unreachable", verdict, "unreachable", verdict):
        told(each)
    assert len(hook.told) == 1


@pytest.mark.parametrize(
    ("runs", "ends"),
    [
        ([("below expectations", True, False), ("fine", False, False)], "below expectations"),
        ([("below expectations", True, False), ("fine", False, True)], "fine"),
        ([("below expectations", False, False), ("fine", False, False)], "fine"),
        ([("unreachable", False, False), ("fine", False, False)], "fine"),
        ([("below expectations", True, False), ("unreachable", False, False), ("fine", False, True)], "fine"),
        ([(DIED, False, False), ("fine", False, False)], "fine"),
    ],
)
def test_trouble_with_posts_stands_until_a_post_is_read_well(runs: list[tuple[str, bool, bool]], ends: str) -> None:
    state = State()
    for verdict, of_posts, read_posts in runs:
        state = follow(state, finding(verdict, of_posts=of_posts, read_posts=read_posts))
    assert state.verdict == ends


def test_who_could_not_be_told_is_told_by_the_next_run_and_nobody_twice(tmp_path: Path, hook: Webhook) -> None:
    with webhook() as other:
        told = Told(tmp_path, {"kind": "json", "url": hook.url}, {"kind": "slack", "url": other.url})
        other.status = 503
        told("unreachable")
        assert told.complaints == [f"alerts: {SITE}: slack: 127.0.0.1 answered 503; the next run tries again"]
        other.status = 200
        told("unreachable")
        told("unreachable")
        assert (len(hook.told), len(other.told)) == (1, 2)


def test_trouble_that_nobody_could_be_told_of_and_that_is_over_is_not_told(tmp_path: Path, hook: Webhook) -> None:
    told = Told(tmp_path, {"kind": "json", "url": hook.url})
    hook.status = 500
    told("unreachable")
    hook.status = 200
    told("fine")
    assert len(hook.told) == 1
    assert read_state(state_file(tmp_path, "./nest", SITE)).verdict == "fine"


def test_a_place_is_told_of_its_sites_alone(tmp_path: Path, hook: Webhook) -> None:
    told = Told(tmp_path, {"kind": "json", "url": hook.url, "sites": [SITE]})
    told("unreachable", site="another")
    assert hook.told == []
    told("unreachable")
    assert len(hook.told) == 1


def test_the_state_is_kept_for_each_archive_and_a_damaged_file_is_as_none(tmp_path: Path, hook: Webhook) -> None:
    told = Told(tmp_path, {"kind": "json", "url": hook.url})
    told("unreachable")
    told("unreachable", archive="./other")
    assert len(hook.told) == 2
    state_file(tmp_path, "./nest", SITE).write_text("{")
    told("unreachable")
    assert len(hook.told) == 3


def test_what_was_told_names_no_secret(tmp_path: Path, hook: Webhook) -> None:
    told = Told(tmp_path, {"kind": "json", "url": f"{hook.url}/SECRET"})
    told("unreachable")
    hook.status = 404
    told("fine")
    text = "".join(file.read_text() for file in tmp_path.rglob("*.json"))
    assert text
    assert "SECRET" not in text + str(told.complaints)


def test_a_server_that_is_not_there_is_said_without_its_address(tmp_path: Path) -> None:
    told = Told(tmp_path, {"kind": "slack", "url": "http://127.0.0.1:9/SECRET"})
    told("unreachable")
    assert told.complaints == [f"alerts: {SITE}: slack: 127.0.0.1: ConnectionRefusedError; the next run tries again"]


def test_a_secret_that_the_environment_lacks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIRDNEST_TEST_URL", raising=False)
    told = Told(tmp_path, {"kind": "slack", "url_env": "BIRDNEST_TEST_URL"})
    told("unreachable")
    assert "url_env names BIRDNEST_TEST_URL, which is not set in the environment" in told.complaints[0]


def test_a_state_folder_that_cannot_be_written_is_said(tmp_path: Path, hook: Webhook) -> None:
    (tmp_path / "alerts").write_text("a file")
    told = Told(tmp_path, {"kind": "json", "url": hook.url})
    told("unreachable")
    assert "what was told is not kept" in told.complaints[0]


# --- the words of each place ---


def test_each_robot_gets_the_form_it_takes() -> None:
    told = {kind: payload(kind, NOTICE, secret=None, now=NOW) for kind in ("slack", "feishu", "wecom", "dingtalk")}
    text = NOTICE.text
    assert told["slack"] == {"text": text.replace("<b>&", "&lt;b&gt;&amp;")}
    assert told["feishu"] == {"msg_type": "text", "content": {"text": text}}
    assert told["wecom"] == told["dingtalk"] == {"msgtype": "text", "text": {"content": text}}
    assert text.splitlines() == [
        f"Birdnest: {SITE}: below expectations",
        "- a reason <b>&",
        "鸟哥笔记, archive ./nest, 2026-11-25 08:00:00+00:00",
        "run 20261125T080000Z-x",
    ]


def test_a_message_is_no_longer_than_a_robot_takes() -> None:
    long = Notice(finding=finding(reasons=tuple("原因" * 400 for _ in range(60))), before="fine")
    content = payload("wecom", long, secret=None, now=NOW)["text"]["content"]
    assert len(content.encode()) <= 2048
    assert "… and 55 more, in the run's report" in long.text


def test_signatures_are_those_that_the_robots_check() -> None:
    stamp = str(int(NOW))
    signed = payload("feishu", NOTICE, secret=KEY, now=NOW)
    key = f"{stamp}\n{KEY}".encode()
    assert signed["timestamp"] == stamp
    assert signed["sign"] == base64.b64encode(hmac.new(key, digestmod=hashlib.sha256).digest()).decode()
    query = parse_qs(urlsplit(signed_url("dingtalk", "https://x.example/r?access_token=t", secret=KEY, now=NOW)).query)
    milliseconds = str(int(NOW * 1000))
    expected = base64.b64encode(
        hmac.new(KEY.encode(), f"{milliseconds}\n{KEY}".encode(), hashlib.sha256).digest()
    ).decode()
    assert query == {"access_token": ["t"], "timestamp": [milliseconds], "sign": [expected]}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"ok", None),
        (b'{"errcode": 0, "errmsg": "ok"}', None),
        (b'{"StatusCode": 0, "StatusMessage": "success"}', None),
        (b'{"code": 19021, "msg": "sign match fail"}', "sign match fail (19021)"),
        (b'{"errcode": 93000, "errmsg": "invalid webhook url"}', "invalid webhook url (93000)"),
        (b"[]", None),
    ],
)
def test_a_robot_that_refuses_with_200_has_refused(hook: Webhook, answer: bytes, why: str | None) -> None:
    assert refusal(answer) == why
    hook.answer = answer
    alert = AlertTable.model_validate({"kind": "dingtalk", "url": hook.url, "secret": "s"})
    if why is None:
        tell(alert, NOTICE)
    else:
        with pytest.raises(NotTold, match="refused"):
            tell(alert, NOTICE)
    assert "sign=" in hook.paths[0]


def test_mail_is_sent_with_subject_and_text() -> None:
    with mail_server() as (port, messages):
        given = {"kind": "mail", "host": "127.0.0.1", "port": port, "encryption": "none"}
        tell(AlertTable.model_validate({**given, "sender": "nest@a.example", "to": ["me@b.example"]}), NOTICE)
    message = email.message_from_bytes(messages[0], policy=email.policy.default)
    assert message["Subject"] == NOTICE.subject
    assert message["To"] == "me@b.example"
    body = message.get_body()
    assert body is not None
    assert body.get_content().split() == NOTICE.text.split()


def test_a_command_gets_the_text_and_its_failure_is_one_of_telling(tmp_path: Path) -> None:
    script = tmp_path / "tell"
    script.write_text('#!/bin/sh\ncat > "$1"; echo "$BIRDNEST_SITE $BIRDNEST_VERDICT" >> "$1"; exit $2\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    target = tmp_path / "told"
    tell(AlertTable(kind="command", command=(str(script), str(target), "0")), NOTICE)
    assert target.read_text() == f"{NOTICE.text}{SITE} below expectations\n"
    with pytest.raises(NotTold, match="ended with 3"):
        tell(AlertTable(kind="command", command=(str(script), str(target), "3")), NOTICE)
    with pytest.raises(NotTold, match="FileNotFoundError"):
        tell(AlertTable(kind="command", command=("/nonexistent/command",)), NOTICE)


def test_two_places_are_never_taken_for_one() -> None:
    alerts = [
        AlertTable.model_validate({"kind": kind, **rest})
        for kind, rest in (
            ("slack", {"url": "https://a.example/1"}),
            ("slack", {"url": "https://a.example/2"}),
            ("feishu", {"url": "https://a.example/1"}),
            ("slack", {"url_env": "A"}),
            ("slack", {"url_env": "B"}),
            ("command", {"command": ["a"]}),
        )
    ]
    assert len({place_of(alert) for alert in alerts}) == len(alerts)


# --- as the command has it ---


def test_the_command_tries_out_every_place(birdnest: Birdnest, hook: Webhook) -> None:
    birdnest.configure(
        None, alerts=[{"kind": "slack", "url_env": "NEST_HOOK"}, {"kind": "command", "command": ["false"]}]
    )
    ended = birdnest("alert", environment={"NEST_HOOK": f"{hook.url}/SECRET"})
    assert ended.code == 2
    assert ended.out == "alert 1, slack: told\n"
    assert ended.err == "alert 2, command: false ended with 1\n"
    assert "Birdnest: test: a test" in hook.told[0]["text"]


def test_a_store_that_fails_before_a_run_begins_is_told(birdnest: Birdnest, hook: Webhook) -> None:
    birdnest.configure(None, alerts=[{"kind": "json", "url": hook.url}], site={"schedule": {"every": "1h"}})
    (birdnest.folder / "file").write_text("no folder")
    for _ in range(2):
        ended = birdnest("crawl", "--due", "--archive", "file/inside")
        assert ended.code == 6
    (message,) = hook.told
    assert message["verdict"] == "store failed"
    assert json.dumps(message["reasons"])
