"""The project: settings, database, routes and the server. It knows everything and is known by nobody."""
