"""HTTP and websockets: thin doors before the desk, the room and the store. One blueprint a resource."""
