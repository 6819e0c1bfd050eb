"""Door 2: the only room that knows engines. Events live in ClickHouse, everything else in a relational database."""
