"""Where a landing came from and where it went, as OpenLineage has it: files (sha256) -> topic (offsets) -> tables (snapshots).

Airflow's OpenLineage provider asks an operator for this when its task has ended, once a try, and only where a transport is configured.
Nothing of OpenLineage is imported before. It asks in a fork, which cannot ask Airflow for receipts: so `execute` leaves them here.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import connections
from include.receipts import Landing, PublishReceipt, Source, SourceFile
from include.schemas import LANDED, READ_FROM

FACETS = "urn:landfall:openlineage:1-0-0"  # docs/lineage_facets.json has this id, and what each facet of ours holds


def remember(operator: Any, *what: Any) -> None:
    """Leaves what the operator's lineage is made of, and the address of the broker, where somebody is to be told of it."""
    if is_asked_for():
        operator.lineage_of = (*what, connections.kafka_config()["bootstrap.servers"])


def is_asked_for() -> bool:
    """Whether the provider is there and configured."""
    try:
        from airflow.providers.openlineage import conf
    except ImportError:
        return False
    return not conf.is_disabled()


class PublishLineage:
    """Files to topic. `lineage_of` is the source, what was published, and the address of the broker."""

    lineage_of: tuple[Source, PublishReceipt, str] | None = None

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        from airflow.providers.openlineage.extractors import OperatorLineage

        if self.lineage_of is None:  # the try failed before it had published
            return OperatorLineage()
        source, published, broker = self.lineage_of
        output = _topic(broker, published, records=published.published)
        return OperatorLineage(inputs=[_file(each) for each in source.files], outputs=[output])


class CommitLineage:
    """Topic to tables, with the conservation of records as a facet of the run. `lineage_of` is the landing, URI of the lake, broker."""

    lineage_of: tuple[Landing, str, str] | None = None

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        from airflow.providers.openlineage.extractors import OperatorLineage
        from openlineage.client.generated.base import RunFacet

        if self.lineage_of is None:
            return OperatorLineage()
        landing, location, broker = self.lineage_of
        topic = _topic(broker, landing)
        said = {"landing": landing.landing, "customer": landing.customer, "day": landing.day, "counted": landing.conservation}
        conservation = _ours("LandfallConservationRunFacet", RunFacet().with_additional_properties(**said))
        return OperatorLineage(
            inputs=[topic],
            outputs=[_table(name, landing, location, topic) for name in LANDED if name in landing.snapshots],
            run_facets={"landfall_conservation": conservation},
        )


def _ours(name: str, facet: Any) -> Any:
    """The facet, which says by its schema that it is one of ours."""
    facet._schemaURL = f"{FACETS}#/$defs/{name}"
    return facet


def _file(file: SourceFile) -> Any:
    """Without what a URL may say of a user: namespace and name are shown to everybody."""
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet

    parts = urlsplit(file.uri) if "://" in file.uri else None
    host = parts.netloc.rpartition("@")[2] if parts else ""
    namespace = f"{parts.scheme}://{host}" if parts and host else "file"
    name = parts.path if parts else file.uri
    return InputDataset(namespace, name, facets={"version": DatasetVersionDatasetFacet(f"sha256:{file.sha256}")})


def _topic(broker: str, of: PublishReceipt | Landing, records: int | None = None) -> Any:
    """The topic with exactly the offsets; an output if `records` of it are written, else an input."""
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.generated.base import DatasetFacet
    from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet

    offsets = {str(partition): list(ends) for partition, ends in of.offsets.items()}
    ours = _ours("LandfallOffsetsDatasetFacet", DatasetFacet().with_additional_properties(ingest=of.ingest, offsets=offsets))
    facets: dict[str, Any] = {"landfall_offsets": ours}
    namespace = f"kafka://{broker.split(',')[0].strip()}"
    if records is None:
        return InputDataset(namespace, of.topic, facets=facets)
    return OutputDataset(
        namespace, of.topic, facets=facets, outputFacets={"outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=records)}
    )


def _table(name: str, landing: Landing, location: str, topic: Any) -> Any:
    """The table at the landing's snapshot, its columns, which of them were read from where in a record, and the day's rows."""
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet
    from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet
    from openlineage.client.generated.schema_dataset import SchemaDatasetFacet, SchemaDatasetFacetFields

    table, lake = LANDED[name], urlsplit(location)
    facets: dict[str, Any] = {
        "version": DatasetVersionDatasetFacet(str(landing.snapshots[name])),
        "schema": SchemaDatasetFacet(
            fields=[SchemaDatasetFacetFields(name=column, type=str(kind), description=said) for column, kind, said in table.columns]
        ),
    }
    if columns := columns_read(name):
        facets["columnLineage"] = _column_lineage(columns, topic)
    statistics = OutputStatisticsOutputDatasetFacet(rowCount=landing.tables[name])
    namespace = f"{lake.scheme}://{lake.netloc}" if lake.netloc else "file"
    return OutputDataset(namespace, f"{lake.path}/{name}", facets=facets, outputFacets={"outputStatistics": statistics})


def columns_read(table: str) -> Mapping[str, str]:
    """Column of the table to the path in a record that it is read from; those that are worked out are left out. `value` is all of it."""
    if table == "raw_assessments":
        return {"value": "value", "keen_id": "keen_id"}
    return {column: path for path, column in READ_FROM.get(table, {}).items()}


def _column_lineage(columns: Mapping[str, str], topic: Any) -> Any:
    from openlineage.client.generated.column_lineage_dataset import ColumnLineageDatasetFacet, Fields, InputField, Transformation

    def read(path: str) -> Any:
        return Fields(inputFields=[InputField(topic.namespace, topic.name, path, transformations=[Transformation("DIRECT")])])

    return ColumnLineageDatasetFacet(fields={column: read(path) for column, path in columns.items()})
