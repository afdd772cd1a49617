// Package migrations holds the versions of the schema as SQL, the same numbers for both dialects:
// mysql/NNNN_name.sql and sqlite/NNNN_name.sql. Each room owns its files; internal/database applies them.
//
// A file is a list of statements. A statement ends with a semicolon at the end of a line; one that begins with
// CREATE TRIGGER and has a BEGIN ends with the line "END;". Lines that begin with "--" are comments. There are no
// directives and no way down: a mistake is corrected by the next number. Each statement is recorded when it is done, so
// a migration that broke off (MySQL commits every DDL statement by itself) goes on where it stopped. A file that has been
// released never changes. 0000_schema is what the runner itself needs; it runs in an empty database.
//
// The numbers of one release are below the same thousand, and the first made after a release begins the next (docs/contributing.md).
package migrations

import "embed"

// Files holds the directories mysql and sqlite.
//
//go:embed mysql/*.sql sqlite/*.sql
var Files embed.FS
