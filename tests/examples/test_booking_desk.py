"""The booking desk, as its page says it is used, against the real service."""

import subprocess
import sys
from pathlib import Path

import httpx2 as httpx

from auricle.model.principal import Kind
from running import Service

DESK = Path(__file__).resolve().parents[2] / "examples" / "booking_desk.py"
SQL = "/api/v1/analytics/sql"


def test_what_is_done_at_the_desk_is_counted(service: Service, tenant: str, tmp_path: Path) -> None:
    command = [sys.executable, str(DESK), "--port", "0", "--url", service.url, "--key", service.key(tenant)]
    desk = subprocess.Popen([*command, "--outbox", str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert desk.stdout is not None
        url = desk.stdout.readline().rpartition(" ")[2].strip()
        paths = ("/slots/a/confirm", "/slots/a/hold", "/slots/a/confirm", "/slots/b/hold", "/nothing")
        answers = [httpx.post(url + path, headers={"X-Session": "s-1"}).status_code for path in paths]
        assert answers == [409, 200, 200, 200, 404]
        desk.terminate()
        assert desk.wait(10) == -15
    finally:
        desk.kill()
        desk.communicate()
    assert service.drained(tenant)["stored"] == 3 + len(paths)
    asked = b"""
        SELECT event_name, session_id, site_id, JSONExtractString(attributes, 'booking.slot_id') AS slot,
               JSONExtractString(attributes, 'url.path') AS path, count() AS n
        FROM events GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 4, 5 FORMAT TabSeparated"""
    told = service.ask("POST", SQL, asked, service.key(tenant, Kind.READ)).body.decode().splitlines()
    assert told == [
        "booking.confirmed\ts-1\tdesk\ta\t\t1",
        "booking.slot_hold\ts-1\tdesk\ta\t\t1",
        "booking.slot_hold\ts-1\tdesk\tb\t\t1",
        "http.request\t\tdesk\t\t/nothing\t1",
        "http.request\t\tdesk\t\t/slots/{slot}/confirm\t2",
        "http.request\t\tdesk\t\t/slots/{slot}/hold\t2",
    ]
