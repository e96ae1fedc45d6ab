"""A database whose file is damaged on the disk: whatever reads it says so in a sentence, and the state comes from the log."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import rocksdict

from streams.join.deadlines import EVENT, INDEX, Rules
from streams.join.keys import key_of
from streams.table import pairs_table
from streams.table.pairs_table import StandbyStore
from streams.table.store import PairsStore, StoreDamaged, StoreFailed, options
from tests.oracle import Row
from tests.player import Player

NOW = 1e9
RULES = Rules(window_s=100.0, max_out_of_orderness_s=10.0, horizon_s=1000.0)
IDS = [f"id-{n * 7919 % 3001}" for n in range(3000)]
CACHE = rocksdict.Cache(1 << 20)
FIRST, BEHIND_ALL = INDEX.pack(EVENT, 0, 0, 0), INDEX.pack(EVENT, 1 << 62, 0, 0)


@pytest.fixture
def database(tmp_path):
    """The path of a closed database of 3,000 ids, in the directory `pairs-0`."""
    path = tmp_path / "pairs-0"
    store = PairsStore(path, CACHE)
    Player(RULES, store).play([[Row("true", row_id, NOW, 1.0) for row_id in IDS]], NOW)
    store.close()
    written = rocksdict.Rdict(str(path), options=options(CACHE))
    written.flush()
    written.close()
    return path


def damage(path):
    """Change bytes of all data on the disk, and leave the index of the file as it is."""
    files = list(path.glob("*.sst"))
    assert files
    for file in files:
        content = bytearray(file.read_bytes())
        for place in range(0, len(content) * 8 // 10, 97):
            content[place] ^= 0xFF
        with file.open("r+b") as opened:
            opened.write(content)


@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.states([key_of(row_id) for row_id in IDS]),
        lambda store: store.due(FIRST, 1 << 62, 10_000),
        lambda store: store.page(b"i", 10_000),
        lambda store: store.latest(BEHIND_ALL, 1000),
    ],
    ids=["states", "due", "page", "latest"],
)
def test_whatever_reads_a_damaged_file_says_so_and_what_to_do(database, read):
    store = PairsStore(database, CACHE)
    assert read(store)
    store.close()
    store = PairsStore(database, rocksdict.Cache(1 << 20))
    damage(database)
    with pytest.raises(
        StoreDamaged, match=r"pairs-0 cannot be used: Corruption: .*\. Move it away and restart the worker: its"
    ):
        read(store)
    store.close()


def test_an_index_entry_that_cannot_be_read_is_damage_too(database):
    written = rocksdict.Rdict(str(database), options=options(CACHE))
    written.put(INDEX.pack(EVENT, 1, 0, 0), b"\xc1")
    written.close()
    store = PairsStore(database, CACHE)
    for read in (lambda: store.due(FIRST, 10, 10), lambda: store.latest(INDEX.pack(EVENT, 2, 0, 0), 1)):
        with pytest.raises(StoreDamaged, match="Move it away"):
            read()
    store.close()


def current_names_no_manifest(path):
    (path / "CURRENT").write_bytes(b"no manifest")


@pytest.mark.parametrize("damaged", [damage, current_names_no_manifest], ids=["its data", "its list of files"])
def test_a_database_that_is_damaged_as_it_is_opened_is_set_aside_and_an_empty_one_opened(database, caplog, damaged):
    damaged(database)
    stores = StandbyStore("memory://", SimpleNamespace(), SimpleNamespace(name="pairs"))
    stores.directory = database.parent

    found = stores.partition(0)

    assert (found.problem, found.checkpoint.offset, found.states([key_of(IDS[0])])) == ("", -1, [None])
    (kept,) = database.parent.glob("pairs-0.set-aside-*")
    assert list(kept.glob("*.sst"))
    assert "partition 0: the local database is damaged: Corruption: " in caplog.text
    stores.forget(keep=())


class Ended(BaseException):
    """The process would have ended, with this sentence."""


def test_a_standby_whose_disk_fails_ends_the_worker_with_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "pairs-0").write_text("a file where the database should be")
    stores = StandbyStore("memory://", SimpleNamespace(), SimpleNamespace(name="pairs"))
    stores.directory = tmp_path

    def end(sentence):
        raise Ended(sentence)

    monkeypatch.setattr(pairs_table, "fatal", end)
    event = SimpleNamespace(message=SimpleNamespace(topic="log", partition=0, offset=0, value=b""))
    with pytest.raises(Ended, match=r"^the table `pairs` cannot be kept: the database .*pairs-0 cannot be used: .*\.$"):
        stores.apply_changelog_batch([event], None, None)
    assert issubclass(StoreDamaged, StoreFailed)
