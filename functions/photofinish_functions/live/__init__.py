"""The live stream of events: Server-Sent Events and WebSockets, fed by one reader of the event log."""
