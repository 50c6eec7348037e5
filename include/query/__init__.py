"""What people ask of a lake: SQL, the way of one record, the quarantine. Must not change anything."""
