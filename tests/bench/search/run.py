"""How good, fast and large searches are; writes docs/benchmarks/search.json and search.md.

``python tests/bench/search/run.py FOLDER [--only NAME …] [--searches N]``. The albums are made in FOLDER at the first
run (half an hour and 5 GB, most of it the index of a million faces) and used again by later ones. Database, function
and searchers share the machine. Exit status 1 when a figure misses its bar.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[2]))

from api_server import ApiServer, api_server
from database import SPACE, START, Loaded, loaded, many_loaded, server
from http_load import Answers, embedding_request, search, selfie_request

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.people.numbers import PgPeopleNumbers
from photofinish.adapters.postgres.people.people import PgPeople
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.application.search.searcher import Searcher
from photofinish.application.search.similar_faces import most_similar_faces
from photofinish.domain.face import Embedding
from photofinish.domain.photo import PhotoRef
from photofinish.domain.search import PhotoFilter, SearchQuery
from photofinish.wiring import model_settings
from photofinish_kernels import cosine_top_k
from support.api import selfie_of_astronaut
from support.faces import face
from support.index import add, postgres_index

RESULTS = Path(__file__).parents[3] / "docs" / "benchmarks"
SEED = 7
QUERIES = 200
SEARCHERS = 50
LIMIT = 20
# As it is started in the cloud on 2 processors.
THREADS, WORKERS = 8, 2
HUNDRED_THOUSAND, MILLION = ("hundred-thousand", 100_000), ("million", 1_000_000)
MANY = ("race", 1000, 1000)
_HEADINGS = ("album", "figure", "measured", "bar", "met")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement; `bar` None where nothing was promised."""

    album: str
    name: str
    unit: str
    value: float
    bar: float | None = None
    more_is_better: bool = False

    @property
    def met(self) -> bool | None:
        if self.bar is None:
            return None
        return bool(self.value >= self.bar if self.more_is_better else self.value <= self.bar)


def measure_album(conninfo: str, of: Loaded) -> list[Figure]:
    """Size, recall and the latency of one searcher without HTTP."""
    figures = [
        Figure(of.album, "loaded by COPY", "s", of.copy_s),
        Figure(of.album, "HNSW index built", "s", of.index_s),
        *[Figure(of.album, f"bytes a face, {part}", "B", size) for part, size in of.bytes_per_face.items()],
        _bytes_figure(of),
    ]
    selfies = of.crowd.selfies(QUERIES)
    with _searching(conninfo) as (index, searcher):
        figures += [*_recall(index, of, selfies), *_latencies(searcher, of.album, selfies)]
    return figures


def measure_many(conninfo: str, albums: Sequence[Loaded]) -> list[Figure]:
    """The same of many small albums, one after the other."""
    name = f"{len(albums):,} albums of {albums[0].faces:,}"
    parts = {part: float(np.mean([of.bytes_per_face[part] for of in albums])) for part in albums[0].bytes_per_face}
    hits, latencies = 0.0, []
    some = albums[:: max(len(albums) // QUERIES, 1)]
    with _searching(conninfo) as (index, searcher):
        for of in some:
            selfies = of.crowd.selfies(2)
            [recall] = _recall(index, of, selfies[:1])[:1]
            hits += recall.value
            latencies.append(_milliseconds(searcher, SearchQuery(album=of.album, embeddings=(_embedding(selfies[1]),))))
    return [
        *[Figure(name, f"bytes a face, {part}", "B", size) for part, size in parts.items()],
        Figure(name, "bytes a face, without photos", "B", sum(parts.values()) - parts["photos and bibs"], 1024),
        Figure(name, "recall@10 against exact search", "", hits / len(some), 0.99, True),
        Figure(name, "search by embedding, one searcher, p50", "ms", float(np.median(latencies))),
        Figure(name, "search by embedding, one searcher, p95", "ms", float(np.percentile(latencies, 95))),
    ]


def measure_http(server: ApiServer, folder: Path, of: Loaded, searches: int) -> list[Figure]:
    """`SEARCHERS` at once against the function, each in turn with a picture that was not sent before."""
    requests = [embedding_request(server, of.album, selfie, LIMIT) for selfie in of.crowd.selfies(searches)]
    search(server, folder, requests, searchers=4, total=40)  # it loads what it needs
    found = search(server, folder, requests, searchers=SEARCHERS, total=searches)
    return _http_figures(of.album, f"embedding, {SEARCHERS} searchers", found, 500)


def measure_selfies(conninfo: str, server: ApiServer, folder: Path, album: str, searches: int) -> list[Figure]:
    """Selfies of a person who is on twenty photos."""
    _put_astronaut(conninfo, album)
    requests = [selfie_request(server, album, selfie_of_astronaut(), LIMIT)]
    search(server, folder, requests, searchers=2, total=10)
    figures = []
    for searchers in (1, 10, SEARCHERS):
        found = search(server, folder, requests, searchers=searchers, total=max(searches // 10, 100))
        assert found.photos >= 15, "the selfie finds its photos"
        figures += _http_figures(album, f"selfie, {searchers} searchers", found, 800)
    return figures


def _http_figures(album: str, what: str, found: Answers, bar_ms: float) -> list[Figure]:
    for error in found.errors[:3]:
        print("error:", error, file=sys.stderr)
    return [
        Figure(album, f"{what}: p50", "ms", found.percentile(50)),
        Figure(album, f"{what}: p95", "ms", found.percentile(95), bar_ms),
        Figure(album, f"{what}: rate", "/s", found.rate),
        Figure(album, f"{what}: errors of {len(found.latencies_ms):,}", "", len(found.errors), 0),
        Figure(album, f"{what}: photos found, mean", "", found.photos),
        Figure(album, f"{what}: processor time of the function", "ms", found.function_cpu_ms),
        Figure(album, f"{what}: processor time of the database", "ms", found.database_cpu_ms),
    ]


def _bytes_figure(of: Loaded) -> Figure:
    faces = sum(of.bytes_per_face.values()) - of.bytes_per_face["photos and bibs"]
    return Figure(of.album, "bytes a face, without photos", "B", faces, 1024)


def _recall(index: PgFaceIndex, of: Loaded, selfies: NDArray[np.float32]) -> list[Figure]:
    """Against comparing with every vector as it is stored; a face as similar as the tenth is as good as it."""
    vectors = of.vectors()
    _, exact = cosine_top_k(selfies, vectors, 200)
    threshold = _calibration().min_similarity
    hits, similar = 0, 0
    for selfie, best in zip(selfies, exact, strict=True):
        found = [match.similarity for match in _search(index, of.album, selfie, 200)]
        hits += sum(similarity >= best[9] - 1e-5 for similarity in found[:10])
        similar += sum(similarity >= threshold - 1e-5 for similarity in found)
    share = similar / max(int((exact >= threshold).sum()), 1)
    return [
        Figure(of.album, "recall@10 against exact search", "", hits / 10 / len(selfies), 0.99, True),
        Figure(of.album, "recall of all faces above the threshold", "", share),
    ]


def _search(index: PgFaceIndex, album: str, selfie: NDArray[np.float32], limit: int):  # type: ignore[no-untyped-def]
    return most_similar_faces(index, album, [_embedding(selfie)], limit=limit // 2, min_similarity=-1)


def _latencies(searcher: Searcher, album: str, selfies: NDArray[np.float32]) -> list[Figure]:
    window = PhotoFilter(taken_from=START, taken_until=START + timedelta(minutes=5))
    kinds: dict[str, Callable[[NDArray[np.float32]], SearchQuery]] = {
        "embedding": lambda one: SearchQuery(album=album, embeddings=(_embedding(one),)),
        "three embeddings": lambda one: SearchQuery(album=album, embeddings=(_embedding(one),) * 3),
        "embedding and bib": lambda one: SearchQuery(album=album, embeddings=(_embedding(one),), bib="1"),
        "bib": lambda one: SearchQuery(album=album, bib="1"),
        "embedding in 5 minutes": lambda one: SearchQuery(album=album, embeddings=(_embedding(one),), where=window),
        "embedding, one camera of 8": lambda one: SearchQuery(
            album=album, embeddings=(_embedding(one),), where=PhotoFilter(camera="Canon EOS R3")
        ),
        "embedding and text on 1 photo in 10": lambda one: SearchQuery(
            album=album, embeddings=(_embedding(one),), where=PhotoFilter(text="finish")
        ),
    }
    figures = []
    for kind, query_of in kinds.items():
        count = len(selfies) if kind == "embedding" else 40
        for selfie in selfies[:10]:
            _milliseconds(searcher, query_of(selfie))
        latencies = [_milliseconds(searcher, query_of(selfie)) for selfie in selfies[:count]]
        figures += [
            Figure(album, f"search by {kind}, one searcher, p50", "ms", float(np.median(latencies))),
            Figure(album, f"search by {kind}, one searcher, p95", "ms", float(np.percentile(latencies, 95))),
        ]
    return figures


@contextmanager
def _searching(conninfo: str) -> Iterator[tuple[PgFaceIndex, Searcher]]:
    database = Database(conninfo)
    try:
        index = PgFaceIndex(database)
        yield index, Searcher(index, PgPeople(database), PgPeopleNumbers(database), {SPACE: _calibration()})
    finally:
        database.close()


def _milliseconds(searcher: Searcher, query: SearchQuery) -> float:
    began = time.perf_counter()
    searcher.search(query)
    return (time.perf_counter() - began) * 1000


def _put_astronaut(conninfo: str, album: str) -> None:
    """Twenty photos, each with somewhat another view of the one whose selfie is sent."""
    from support.pictures import astronaut

    [[person, *_]] = FaceEncoder.load(model_settings()).encode([astronaut()])
    rng = np.random.default_rng(SEED)
    with postgres_index(conninfo) as index:
        for number in range(20):
            noise = rng.normal(size=person.embedding.vector.size)
            seen = person.embedding.vector + 0.3 * noise / np.linalg.norm(noise)
            unit: NDArray[np.float32] = (seen / np.linalg.norm(seen)).astype(np.float32)
            name = f"{album}/astronaut/{number}.jpg"
            add(index, PhotoRef(bucket="photos", name=name, generation=1), [face(Embedding(unit, SPACE))])


def _embedding(vector: NDArray[np.float32]) -> Embedding:
    return Embedding(vector, SPACE)


def _calibration():  # type: ignore[no-untyped-def]
    calibration = model_for("face_embedding").calibration
    assert calibration is not None
    return calibration


def number(value: float) -> str:
    """Three digits, which is what such a measurement is worth."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def cells(figure: Figure) -> list[str]:
    bar = "" if figure.bar is None else f"{'≥' if figure.more_is_better else '≤'} {number(figure.bar)} {figure.unit}"
    met = {None: "", True: "yes", False: "no"}[figure.met]
    value = f"{figure.value:.4f}" if "recall" in figure.name else number(figure.value)
    return [figure.album, figure.name, f"{value} {figure.unit}".strip(), bar.strip(), met]


def write_results(figures: Sequence[Figure], title: str) -> None:
    """The figures of this run in the place of those of an earlier one, which keeps what was not measured now."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    file = RESULTS / "search.json"
    kept = json.loads(file.read_text())["results"] if file.exists() else []
    now = {
        (figure.album, figure.name): asdict(figure) | {"value": float(figure.value), "met": figure.met}
        for figure in figures
    }
    results = {(one["album"], one["name"]): one for one in kept} | now
    document = {"last_run": title, "results": list(results.values())}
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    rows = [cells(Figure(**{k: v for k, v in one.items() if k != "met"})) for one in results.values()]
    lines = ["|".join(["", *row, ""]) for row in [list(_HEADINGS), ["---"] * len(_HEADINGS), *rows]]
    notes = (RESULTS / "search-notes.md").read_text()
    (RESULTS / "search.md").write_text(f"# Search\n\n{title}\n\n" + "\n".join(lines) + f"\n\n{notes}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the albums lie, or are made")
    parser.add_argument("--only", nargs="+", choices=["hundred-thousand", "http", "selfies", "million", "many"])
    parser.add_argument("--threads", type=int, default=THREADS, help="of the function (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes of the function (default: %(default)s)")
    parser.add_argument("--searches", type=int, default=10_000, help="over HTTP (default: %(default)s)")
    asked = parser.parse_args()
    parts = set(asked.only or ["hundred-thousand", "http", "selfies", "million", "many"])
    folder: Path = asked.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    load_before = os.getloadavg()[0]
    figures: list[Figure] = []
    if parts != {"many"}:
        with server(folder) as conninfo:
            album = loaded(conninfo, folder, *HUNDRED_THOUSAND, SEED)
            if "hundred-thousand" in parts:
                figures += measure_album(conninfo, album)
            if "million" in parts:
                figures += measure_album(conninfo, loaded(conninfo, folder, *MILLION, SEED))
            if parts & {"http", "selfies", "million"}:
                with api_server(conninfo, folder, threads=asked.threads, workers=asked.workers) as function:
                    if "http" in parts:
                        figures += measure_http(function, folder, album, asked.searches)
                    if "million" in parts:
                        million = loaded(conninfo, folder, *MILLION, SEED)
                        figures += measure_http(function, folder, million, asked.searches // 5)
                    if "selfies" in parts:
                        figures += measure_selfies(conninfo, function, folder, album.album, asked.searches)
    if "many" in parts:
        with server(folder.with_name(f"{folder.name}-many")) as conninfo:
            figures += measure_many(conninfo, many_loaded(conninfo, folder.with_name(f"{folder.name}-many"), *MANY))
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    machine = names[0].split(":", 1)[1].strip() if names else platform.processor()
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    write_results(
        figures,
        f"{machine}, {os.cpu_count()} cores, Python {platform.python_version()}; last run {when}; load average "
        f"{load_before:.2f} before, {os.getloadavg()[0]:.2f} after; made by `make bench-search`. Database, function "
        f"(functions-framework; processes: {asked.workers}, threads: {asked.threads}) and searchers share the machine.",
    )
    table = Table(*_HEADINGS)
    for figure in figures:
        table.add_row(*cells(figure))
    Console(width=140).print(table)
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
