"""Reading an album's numbers again by a start list, against analysing its photos again: seconds a photo, and the ratio.

    python tests/bench/bibs/rescoring.py [--photos 1000] [--analysed 12] [--entrants 20000]

Photos of the sample album are analysed with the real models; an album of `--photos` copies of their results lies in a
real Postgres, the local storage server and the local Firestore server. The start list has all numbers of the album
except one in four, and others up to `--entrants`. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client as FirestoreClient
from google.cloud.storage import Client as StorageClient

from photofinish.adapters.google.documents import FirestoreDocuments
from photofinish.adapters.google.photo_store import GcsPhotoStore
from photofinish.adapters.postgres.database import Database
from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from photofinish.application.bibs.projection import BibProjector, bib_fields
from photofinish.application.bibs.rescoring import AlbumRescorer
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.sidecar import sidecar, sidecar_bytes, sidecar_name
from photofinish.domain.start_list import StartList
from photofinish_cli.sample_album import make_sample_album
from photofinish_emulators.storage import Storage
from support.bibs import BibStores
from support.firestore_server import FirestoreServer, emulator_environment
from support.ports import free_port
from support.postgres import fresh_database
from support.waiting import wait_until

ALBUM = "bench"


@contextmanager
def storage_client(folder: Path) -> Iterator[StorageClient]:
    storage = Storage(directory=folder, port=free_port(), notify_project=None)
    process = subprocess.Popen(storage.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        options = ClientOptions(api_endpoint=storage.url)
        client = StorageClient(project="bench", credentials=AnonymousCredentials(), client_options=options)  # type: ignore[no-untyped-call]

        def bucket_was_made() -> bool:
            try:
                client.create_bucket("derived", timeout=1, retry=None)
            except Exception:  # noqa: BLE001 - it has not started yet
                return False
            return True

        wait_until(bucket_was_made, "the storage server answers")
        yield client
    finally:
        process.terminate()
        process.wait()


def analysed(files: list[Path]) -> tuple[list[AnalyzedPhoto], float]:
    """The analyses of these photos, and the seconds that each took, on all cores."""
    settings = ModelSettings(models_dir=default_models_dir(), threads=os.cpu_count() or 1)
    analyzer = Analyzer.load(settings)
    contents = [file.read_bytes() for file in files]
    analyzer.analyze(contents[:1])  # the first is slower
    began = time.perf_counter()
    results = analyzer.analyze(contents)
    took_s = time.perf_counter() - began
    return [result for result in results if isinstance(result, AnalyzedPhoto)], took_s / len(contents)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--analysed", type=int, default=12)
    parser.add_argument("--entrants", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, fresh_database() as conninfo:
        album = make_sample_album(Path(folder) / "album", photos=options.analysed, seed=3)
        results, analysis_s = analysed([photo.path for photo in album.photos])
        server = FirestoreServer(Path(folder) / "firestore")
        with storage_client(Path(folder) / "storage") as client, server, emulator_environment(server):
            store = GcsPhotoStore(client, "photos", "derived")
            documents = FirestoreDocuments(FirestoreClient(project="bench"))
            database = Database(conninfo, max_connections=8)
            stores = BibStores.in_postgres(database)

            def commit(count: int) -> None:
                ref = PhotoRef(bucket="photos", name=f"{ALBUM}/{count:06}.jpg", generation=1)
                result = results[count % len(results)]
                version = result.pipeline_version
                content = sidecar_bytes(sidecar(ref, result.analysis, version))
                store.put_derived(sidecar_name(ref, version), content, "application/json")
                shown = stores.index.replace(ref, version, result.analysis)
                assert shown is not None
                documents.record_final(ref, PhotoStatus.DONE, bib_fields(shown))

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(commit, range(options.photos)))
            read = sorted({bib.number for result in results for bib in result.analysis.bibs})
            listed = [number for index, number in enumerate(read) if index % 4]
            listed += [str(number) for number in range(10_000, 10_000 + options.entrants - len(listed))]
            rules = BibRules(start_list=StartList(dict.fromkeys(listed, "A Runner")))
            rescorer = AlbumRescorer(
                stores.rules,
                stores.rescoring,
                store,
                BibProjector(stores.projection, documents),
                publish_people=lambda _: None,
            )
            began = time.perf_counter()
            stores.rules.set_bib_rules(ALBUM, rules)
            done = rescorer.rescore(ALBUM, budget_s=600)
            rescoring_s = (time.perf_counter() - began) / options.photos
            database.close()
    print(
        json.dumps(
            {
                "photos": options.photos,
                "entrants": options.entrants,
                "rescoring_s_per_photo": round(rescoring_s, 5),
                "analysis_s_per_photo": round(analysis_s, 3),
                "ratio": round(analysis_s / rescoring_s),
                "rescored": asdict(done),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
