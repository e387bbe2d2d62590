"""The raw protobuf classes of google.firestore.v1, from inside the client library's proto-plus types.

They are several times faster than the wrappers. They have no type stubs, so a message is :data:`Message` to the type
checker.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, TypeAlias

from google.cloud.firestore_v1.types import aggregation_result, bloom_filter, common, document, firestore, query, write
from google.protobuf import empty_pb2, timestamp_pb2

from photofinish_emulators.common.rpc_errors import invalid

Message: TypeAlias = Any
Fields: TypeAlias = MutableMapping[str, Message]
"""The ``fields`` of a document or a map value. Reading a missing key creates it: check with ``in`` first."""

Empty = empty_pb2.Empty
Timestamp = timestamp_pb2.Timestamp

Document: Any = document.Document.pb()
Value: Any = document.Value.pb()
ArrayValue: Any = document.ArrayValue.pb()
DocumentMask: Any = common.DocumentMask.pb()
Precondition: Any = common.Precondition.pb()
TransactionOptions: Any = common.TransactionOptions.pb()

Write: Any = write.Write.pb()
WriteResult: Any = write.WriteResult.pb()
FieldTransform: Any = write.DocumentTransform.FieldTransform.pb()
DocumentChange: Any = write.DocumentChange.pb()
DocumentDelete: Any = write.DocumentDelete.pb()
DocumentRemove: Any = write.DocumentRemove.pb()
ExistenceFilter: Any = write.ExistenceFilter.pb()
BloomFilter: Any = bloom_filter.BloomFilter.pb()

StructuredQuery: Any = query.StructuredQuery.pb()
StructuredAggregationQuery: Any = query.StructuredAggregationQuery.pb()
Cursor: Any = query.Cursor.pb()
AggregationResult: Any = aggregation_result.AggregationResult.pb()

GetDocumentRequest: Any = firestore.GetDocumentRequest.pb()
ListDocumentsRequest: Any = firestore.ListDocumentsRequest.pb()
ListDocumentsResponse: Any = firestore.ListDocumentsResponse.pb()
CreateDocumentRequest: Any = firestore.CreateDocumentRequest.pb()
UpdateDocumentRequest: Any = firestore.UpdateDocumentRequest.pb()
DeleteDocumentRequest: Any = firestore.DeleteDocumentRequest.pb()
BatchGetDocumentsRequest: Any = firestore.BatchGetDocumentsRequest.pb()
BatchGetDocumentsResponse: Any = firestore.BatchGetDocumentsResponse.pb()
BeginTransactionRequest: Any = firestore.BeginTransactionRequest.pb()
BeginTransactionResponse: Any = firestore.BeginTransactionResponse.pb()
CommitRequest: Any = firestore.CommitRequest.pb()
CommitResponse: Any = firestore.CommitResponse.pb()
RollbackRequest: Any = firestore.RollbackRequest.pb()
RunQueryRequest: Any = firestore.RunQueryRequest.pb()
RunQueryResponse: Any = firestore.RunQueryResponse.pb()
ExecutePipelineRequest: Any = firestore.ExecutePipelineRequest.pb()
ExecutePipelineResponse: Any = firestore.ExecutePipelineResponse.pb()
RunAggregationQueryRequest: Any = firestore.RunAggregationQueryRequest.pb()
RunAggregationQueryResponse: Any = firestore.RunAggregationQueryResponse.pb()
PartitionQueryRequest: Any = firestore.PartitionQueryRequest.pb()
PartitionQueryResponse: Any = firestore.PartitionQueryResponse.pb()
WriteRequest: Any = firestore.WriteRequest.pb()
WriteResponse: Any = firestore.WriteResponse.pb()
ListenRequest: Any = firestore.ListenRequest.pb()
ListenResponse: Any = firestore.ListenResponse.pb()
Target: Any = firestore.Target.pb()
TargetChange: Any = firestore.TargetChange.pb()
ListCollectionIdsRequest: Any = firestore.ListCollectionIdsRequest.pb()
ListCollectionIdsResponse: Any = firestore.ListCollectionIdsResponse.pb()
BatchWriteRequest: Any = firestore.BatchWriteRequest.pb()
BatchWriteResponse: Any = firestore.BatchWriteResponse.pb()


def timestamp(time_us: int) -> Message:
    """Microseconds since 1970 as a ``google.protobuf.Timestamp``."""
    seconds, micros = divmod(time_us, 1_000_000)
    return Timestamp(seconds=seconds, nanos=micros * 1000)


def check_time(time: Message) -> int:
    """Convert a time sent by a client to microseconds since 1970.

    Raises:
        Refused: it is finer than microseconds.
    """
    if time.nanos % 1000:
        raise invalid("A timestamp must be microsecond aligned.")
    return micros(time)


def micros(time: Message) -> int:
    """A ``google.protobuf.Timestamp`` as microseconds since 1970, rounded down."""
    result: int = time.seconds * 1_000_000 + time.nanos // 1000
    return result
