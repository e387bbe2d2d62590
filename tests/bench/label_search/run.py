"""How relevant searches by words are, by each signal and by their mix, and what label search costs a photo.

    python -m bench.label_search.run [--json FILE]

The whole analysis and the whole search, with the index in memory.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from bench.label_search.labelled import LANGUAGES, LabelledAlbum, make_labelled_album
from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.models.label_space import LabelTexts
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from photofinish.application.search.searcher import Searcher
from photofinish.domain.photo import PhotoRef
from photofinish.domain.search import Description, Fusion, SearchQuery, Weights
from photofinish_cli.evaluation.evaluating_search import SIGNALS
from photofinish_cli.evaluation.search_measures import ndcg, reciprocal_rank

ALBUM = "relevance"


class NoPeople:
    """Names are of the start list here."""

    def find_by_name(self, album: str, name: str) -> list[Any]:
        return []

    def embeddings(self, album: str, person_id: str) -> list[Any]:
        return []

    def faces_by_number(self, album: str, number: str, limit: int) -> list[Any]:
        return []


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    settings = ModelSettings(models_dir=default_models_dir(), threads=1, label_search=True)
    with tempfile.TemporaryDirectory() as folder:
        album = make_labelled_album(Path(folder))
        index, cost = indexed(album, Analyzer.load(settings))
    rows = relevance(album, index, LabelTexts.load(settings))
    for row in rows:
        print("{group:8} {signal:9} nDCG@10 {ndcg:.3f}  MRR {mrr:.3f}  ({queries} queries)".format(**row))
    print(
        f"depicting takes {cost['depict_share']:.1%} of the analysis: {cost['depict_ms']:.1f} of {cost['all_ms']:.0f}"
    )
    if given.json:
        given.json.write_text(json.dumps({"relevance": rows, "cost": cost}, indent=2) + "\n")


def indexed(album: LabelledAlbum, analyzer: Analyzer) -> tuple[MemoryFaceIndex, dict[str, float]]:
    """The album's photos in an index, and the mean times of their analysis."""
    index = MemoryFaceIndex()
    index.set_entrants(ALBUM, album.entrants)
    depict, whole = [], []
    for name, path in album.photos.items():
        [result] = analyzer.analyze([path.read_bytes()])
        assert isinstance(result, AnalyzedPhoto), (name, result)
        index.replace(
            PhotoRef(bucket="b", name=f"{ALBUM}/{name}", generation=1), result.pipeline_version, result.analysis
        )
        depict.append(result.analysis.timings_ms["depict"])
        whole.append(sum(result.analysis.timings_ms.values()))
    cost = {"depict_ms": fmean(depict), "all_ms": fmean(whole), "depict_share": sum(depict) / sum(whole)}
    return index, cost


def relevance(album: LabelledAlbum, index: MemoryFaceIndex, texts: LabelTexts) -> list[dict[str, Any]]:
    searcher = Searcher(index, NoPeople(), NoPeople(), {})
    scores: dict[tuple[str, str], list[tuple[float, float]]] = {}
    started = time.perf_counter()
    for labelled in album.queries:
        about = Description(text=labelled.text, place=texts.of_text(labelled.text), scale=texts.scale, with_names=True)
        for signal, criteria in SIGNALS.items():
            query = SearchQuery(
                album=ALBUM,
                about=about,
                limit=200,
                weights=replace(Weights(), **criteria["weights"]),
                fusion=Fusion(criteria.get("fusion", Fusion.WEIGHTED)),
            )
            page = searcher.search(query)
            ranked = [one.photo.name.removeprefix(f"{ALBUM}/") for one in page.photos if one.score > 0]
            if signal == "vision" and album.kind(labelled) == "things":
                place = next((place for place, name in enumerate(ranked, 1) if name in labelled.relevant), None)
                print(f"{labelled.text}: place {place} of {len(ranked)}")
            measured = ndcg(ranked, labelled.relevant), reciprocal_rank(ranked, labelled.relevant)
            for group in ("all", labelled.group, album.kind(labelled)):
                scores.setdefault((group, signal), []).append(measured)
    print(f"{(time.perf_counter() - started) / len(album.queries) / len(SIGNALS) * 1000:.1f} ms a search")
    return [
        {
            "group": group,
            "signal": signal,
            "queries": len(scores[group, signal]),
            "ndcg": fmean(one for one, _ in scores[group, signal]),
            "mrr": fmean(one for _, one in scores[group, signal]),
        }
        for group in ("all", *LANGUAGES, "things", "numbers", "names", "runners")
        for signal in SIGNALS
    ]


if __name__ == "__main__":
    main()
