"""HTTP for browsers: the same RPCs as gRPC's, through REST and through WebChannel, the transport of the web SDK."""
