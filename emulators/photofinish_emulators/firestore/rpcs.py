"""Every RPC of ``google.firestore.v1.Firestore``: the method that answers it, and its messages, for any transport."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from photofinish_emulators.firestore import protos as p
from photofinish_emulators.firestore.access import Access
from photofinish_emulators.firestore.read_service import ReadService
from photofinish_emulators.firestore.write_service import WriteService

SERVICE = "google.firestore.v1.Firestore"


@dataclass(frozen=True, slots=True)
class Rpc:
    """``call`` takes a request, or an iterator of requests; it returns a response, or an iterator of responses.

    Its second parameter is what the caller may do. It raises `Refused` for requests that cannot be answered.
    """

    call: Callable[[Any, Access], Any]
    request: Any
    response: Any
    stream_in: bool = False
    stream_out: bool = False

    def by(self, access: Access) -> Callable[[Any], Any]:
        """The method, for the requests of one caller."""
        return lambda request: self.call(request, access)


def all_rpcs(reads: ReadService, writes: WriteService) -> dict[str, Rpc]:
    """By name."""
    unary = {
        "GetDocument": (reads.get_document, p.GetDocumentRequest, p.Document),
        "ListDocuments": (reads.list_documents, p.ListDocumentsRequest, p.ListDocumentsResponse),
        "ListCollectionIds": (reads.list_collection_ids, p.ListCollectionIdsRequest, p.ListCollectionIdsResponse),
        "PartitionQuery": (reads.partition_query, p.PartitionQueryRequest, p.PartitionQueryResponse),
        "CreateDocument": (writes.create_document, p.CreateDocumentRequest, p.Document),
        "UpdateDocument": (writes.update_document, p.UpdateDocumentRequest, p.Document),
        "DeleteDocument": (writes.delete_document, p.DeleteDocumentRequest, p.Empty),
        "BatchWrite": (writes.batch_write, p.BatchWriteRequest, p.BatchWriteResponse),
        "BeginTransaction": (writes.begin_transaction, p.BeginTransactionRequest, p.BeginTransactionResponse),
        "Commit": (writes.commit, p.CommitRequest, p.CommitResponse),
        "Rollback": (writes.rollback, p.RollbackRequest, p.Empty),
    }
    streaming = {
        "BatchGetDocuments": (reads.batch_get_documents, p.BatchGetDocumentsRequest, p.BatchGetDocumentsResponse),
        "RunQuery": (reads.run_query, p.RunQueryRequest, p.RunQueryResponse),
        "RunAggregationQuery": (
            reads.run_aggregation_query,
            p.RunAggregationQueryRequest,
            p.RunAggregationQueryResponse,
        ),
        "ExecutePipeline": (reads.execute_pipeline, p.ExecutePipelineRequest, p.ExecutePipelineResponse),
    }
    bidirectional = {
        "Listen": (reads.listen, p.ListenRequest, p.ListenResponse),
        "Write": (writes.write, p.WriteRequest, p.WriteResponse),
    }
    return {
        **{name: Rpc(*rpc) for name, rpc in unary.items()},
        **{name: Rpc(*rpc, stream_out=True) for name, rpc in streaming.items()},
        **{name: Rpc(*rpc, stream_in=True, stream_out=True) for name, rpc in bidirectional.items()},
    }
