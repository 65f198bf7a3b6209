"""What starts `birdnest crawl --due` every few minutes: a systemd timer, a line of cron, a Kubernetes CronJob.

Which sites are due is Birdnest's own business, so none of these knows a site's schedule, and a change in birdnest.toml
needs no change to them. `deploy/` holds the same files with usual places filled in.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from archive.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where Birdnest is installed and works; all paths are absolute. archive: a folder, or None for one in S3."""

    command: Path
    config: Path
    folder: Path
    state: Path
    archive: Path | None
    user: str
    minutes: int = 5
    timezone: str | None = None
    image: str = f"birdnest:{version('birdnest')}"


USUAL = Place(
    command=Path("/usr/local/bin/birdnest"),
    config=Path("/srv/birdnest/birdnest.toml"),
    folder=Path("/srv/birdnest"),
    state=Path("/srv/birdnest/state"),
    archive=Path("/srv/birdnest/archive"),
    user="birdnest",
)
"""What the files in deploy/ are filled in with."""


def files(kind: str, place: Place) -> Mapping[str, str]:
    """The files of one kind by their names. Raises UsageError for a kind that there is not."""
    match kind:
        case "systemd":
            return {"birdnest.service": _service(place), "birdnest.timer": _timer(place)}
        case "cron":
            return {"birdnest.cron": _cron(place)}
        case "k8s":
            return {"birdnest.yaml": _kubernetes(place)}
    raise UsageError(f"no such kind: {kind!r}, expected systemd, cron or k8s")


def _service(place: Place) -> str:
    written = [_unit_word(path) for path in sorted({place.state, place.archive or place.state})]
    # In a command $ begins a variable.
    command, config = (_unit_word(path).replace("$", "$$") for path in (place.command, place.config))
    return f"""\
[Unit]
Description=Birdnest: crawl the sites that are due
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User={place.user}
WorkingDirectory={_unit_path(place.folder)}
ExecStart={command} crawl --due --log-json --config {config}
# Secrets of alerts and S3, a NAME=value each; the file may be missing.
EnvironmentFile=-/etc/birdnest.env
# Another run crawls the site; told to stop: neither is a failure. 4 (below expectations) is.
SuccessExitStatus=8 130
KillSignal=SIGTERM
TimeoutStopSec=60
Nice=10
NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
# These folders have to be there already: mkdir -p, and chown to the user.
ReadWritePaths={" ".join(written)}
"""


def _timer(place: Place) -> str:
    return f"""\
[Unit]
Description=Birdnest: look every {place.minutes} minutes which sites are due

[Timer]
OnCalendar=*:0/{place.minutes}
RandomizedDelaySec=20
Persistent=yes

[Install]
WantedBy=timers.target
"""


def _cron(place: Place) -> str:
    parts = (str(place.command), "crawl", "--due", "--log-json", "--config", str(place.config))
    # In a crontab % ends the command.
    line = f"cd {shlex.quote(str(place.folder))} && {shlex.join(parts)}".replace("%", "\\%")
    return f"""\
# Every {place.minutes} minutes the sites that are due; nothing is printed, and mailed, where none is.
*/{place.minutes} * * * *  {line} 2>> birdnest.log
"""


def _kubernetes(place: Place) -> str:
    zone = f"\n  timeZone: {place.timezone}" if place.timezone else ""
    return f"""\
# kubectl create configmap birdnest --from-file=birdnest.toml
# kubectl create secret generic birdnest --from-env-file=birdnest.env   # of alerts and S3; may be missing
# In birdnest.toml: state = "/data/state", and archive = "/data/archive" or s3://…
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: birdnest
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 20Gi
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: birdnest
spec:
  schedule: "*/{place.minutes} * * * *"{zone}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 120
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 5
  jobTemplate:
    spec:
      # What failed is due again, or not: the next job knows.
      backoffLimit: 0
      template:
        metadata:
          labels:
            app.kubernetes.io/name: birdnest
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 60
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 1000
            runAsGroup: 1000
            fsGroup: 1000
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: birdnest
              image: {place.image}
              args: [crawl, --due, --log-json, --config, /config/birdnest.toml]
              envFrom:
                - secretRef:
                    name: birdnest
                    optional: true
              resources:
                requests:
                  cpu: 100m
                  memory: 256Mi
                limits:
                  memory: 1Gi
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [ALL]
              volumeMounts:
                - name: data
                  mountPath: /data
                - name: config
                  mountPath: /config
                  readOnly: true
                - name: tmp
                  mountPath: /tmp
          volumes:
            - name: data
              persistentVolumeClaim:
                claimName: birdnest
            - name: config
              configMap:
                name: birdnest
            - name: tmp
              emptyDir: {{}}
"""


def _unit_path(path: Path) -> str:
    # % begins a specifier.
    return str(path).replace("%", "%%")


def _unit_word(path: Path) -> str:
    """A path as one word of a unit's line."""
    text = _unit_path(path)
    if not any(mark in text for mark in " \t\"'\\;"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
