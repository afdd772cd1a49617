package database

// StillHeld is what a transaction asks last.
var StillHeld = stillHeld
