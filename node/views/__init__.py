"""What records say about members, rooms and listings: pure folds, with no I/O and no clock."""
