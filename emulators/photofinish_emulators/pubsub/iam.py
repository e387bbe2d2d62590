"""google.iam.v1.IAMPolicy for topics and subscriptions: stores and returns policies, but permits everything."""

from __future__ import annotations

import hashlib
from typing import Any

import grpc
from google.iam.v1 import iam_policy_pb2, policy_pb2

from photofinish_emulators.common.rpc_errors import aborted, invalid
from photofinish_emulators.common.serving import Method, generic_handler
from photofinish_emulators.pubsub.broker import Broker
from photofinish_emulators.pubsub.methods import unary
from photofinish_emulators.pubsub.store import written

SERVICE = "google.iam.v1.IAMPolicy"


class IamPolicy:
    """The RPCs, one method each."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def handler(self) -> grpc.GenericRpcHandler:
        return generic_handler(
            SERVICE,
            {
                "SetIamPolicy": Method(unary(self.set_policy), iam_policy_pb2.SetIamPolicyRequest, policy_pb2.Policy),
                "GetIamPolicy": Method(unary(self.get_policy), iam_policy_pb2.GetIamPolicyRequest, policy_pb2.Policy),
                "TestIamPermissions": Method(
                    unary(self.test_permissions),
                    iam_policy_pb2.TestIamPermissionsRequest,
                    iam_policy_pb2.TestIamPermissionsResponse,
                ),
            },
        )

    async def set_policy(self, request: Any) -> Any:
        current = self._policy(request.resource)
        requested = request.policy
        if requested.etag and requested.etag != current.etag:
            raise aborted(
                "There were concurrent policy changes. Please retry the whole read-modify-write with exponential"
                " backoff."
            )
        policy = policy_pb2.Policy(version=requested.version or 1, bindings=requested.bindings)
        # Including the former etag gives every version of a policy another etag, even with the same content.
        policy.etag = hashlib.sha256(current.etag + policy.SerializeToString(deterministic=True)).digest()[:8]
        await written(self._broker.store.set_policy(request.resource, policy.SerializeToString()))
        return policy

    async def get_policy(self, request: Any) -> Any:
        return self._policy(request.resource)

    async def test_permissions(self, request: Any) -> Any:
        self._policy(request.resource)
        if any("*" in permission for permission in request.permissions):
            raise invalid("Permissions with wildcards are not allowed.")
        return iam_policy_pb2.TestIamPermissionsResponse(permissions=request.permissions)

    def _policy(self, resource: str) -> Any:
        kind = resource.split("/")[2] if resource.count("/") == 3 else ""
        if kind == "topics":
            self._broker.topic(resource)
        elif kind == "subscriptions":
            self._broker.subscription(resource)
        elif kind == "snapshots":
            self._broker.snapshots.find(resource)
        elif kind == "schemas":
            self._broker.schemas.revisions(resource)
        else:
            raise invalid(f"Invalid resource name given (name={resource}).")
        stored = self._broker.store.policy(resource)
        return policy_pb2.Policy(etag=b"\0\1") if stored is None else policy_pb2.Policy.FromString(stored)
