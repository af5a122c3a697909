from __future__ import annotations
from pathlib import Path
from typing import Any

def test_it_runs(desk: Any) -> None:
    print(desk.stories())
    for path in ("/jobs", "/version", "/healthz", "/nothing", "/"):
        a = desk.client.get(path)
        print(path, a.status_code, a.text[:300])
    print(desk.post("/name", name="Asha", next="/jobs"))
    print(desk.client.cookies)
