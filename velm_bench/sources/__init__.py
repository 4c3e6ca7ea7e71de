"""Where samples come from: one module per source."""

from velm_bench.registry import Registry
from velm_bench.sources.base import Place, Source, SourceSettings

SOURCES: Registry[type[Source]] = Registry(
    "source",
    "velm_bench.sources",
    {
        "scenes": "velm_bench.sources.scenes.source:ScenesSource",
        "coco": "velm_bench.sources.coco:CocoSource",
        "vqa": "velm_bench.sources.vqa:VqaSource",
        "images": "velm_bench.sources.images:ImagesSource",
        "conll": "velm_bench.sources.conll:ConllSource",
        "jsonl": "velm_bench.sources.tables:JsonlSource",
        "parquet": "velm_bench.sources.tables:ParquetSource",
        "csv": "velm_bench.sources.tables:CsvSource",
        "hub": "velm_bench.sources.hub.source:HubSource",
    },
)

__all__ = ["SOURCES", "Place", "Source", "SourceSettings"]
