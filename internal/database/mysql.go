package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
)

// mysqlConnections bounds each of the two pools. More connections make inserts slower on the machines we measured.
const mysqlConnections = 24

// Error numbers of the MySQL and MariaDB reference manuals.
const (
	mysqlDuplicateEntry  = 1062
	mysqlServerShutdown  = 1053
	mysqlLockWaitTimeout = 1205
	mysqlDeadlock        = 1213 // also Galera's answer to a transaction that another node has overtaken
	mysqlRecordChanged   = 1020 // MariaDB with innodb_snapshot_isolation
	mysqlNodeNotReady    = 1047 // a Galera node that is not part of the primary component
	mysqlTooManyClients  = 1040
	mysqlDiskFull        = 1021
	mysqlTableFull       = 1114 // what a full disk looks like to a temporary table or a tablespace
	mysqlReadOnly        = 1290 // a server that was made read-only, as before a fail-over
)

// Error numbers of TiDB's own. With the first five the transaction is rolled back, whatever it was at.
const (
	tidbConflictAfterLock = 8002 // what was read for update has been overtaken
	tidbStale             = 8005 // overtaken since it began
	tidbRetryable         = 8022 // not committed
	tidbSchemaChanged     = 8028 // a table was altered meanwhile
	tidbWriteConflict     = 9007
	tidbNoPlacement       = 9001 // the placement driver does not answer
	tidbNoStore           = 9002 // a store does not answer
	tidbStoreBusy         = 9003
	tidbNoRegion          = 9005 // too few copies of a range of rows are up
)

func mysqlTarget(address *url.URL) (target, error) {
	config, err := mysqlConfig(address)
	if err != nil {
		return target{}, err
	}
	return target{
		dialect: MySQL,
		open: func(a access) (*sql.DB, error) {
			connector, err := mysql.NewConnector(config)
			if err != nil {
				return nil, err
			}
			pool := sql.OpenDB(session{connector, a})
			pool.SetMaxOpenConns(mysqlConnections)
			pool.SetMaxIdleConns(mysqlConnections)
			pool.SetConnMaxIdleTime(time.Minute)
			pool.SetConnMaxLifetime(5 * time.Minute) // so that load returns to a server that came back
			return pool, nil
		},
		dialector: func(pool *sql.DB) gorm.Dialector {
			return mysqlDialector{gormmysql.New(gormmysql.Config{Conn: pool, DSNConfig: config}).(*gormmysql.Dialector)}
		},
	}, nil
}

// mysqlConfig interpolates parameters on our side: one round trip a statement and no prepared statement that a server
// restart could lose. That is safe with utf8mb4, in which no multi-byte character holds a quote or a backslash.
func mysqlConfig(address *url.URL) (*mysql.Config, error) {
	query := address.Query()
	config := mysql.NewConfig()
	config.User = address.User.Username()
	config.Passwd, _ = address.User.Password()
	config.Net, config.Addr = "tcp", address.Host
	if socket := query.Get("socket"); socket != "" {
		config.Net, config.Addr = "unix", socket
	}
	config.DBName = strings.TrimPrefix(address.Path, "/")
	config.TLSConfig = query.Get("tls")
	config.ClientFoundRows = true // count matched rows, as SQLite does
	config.InterpolateParams = true
	config.RejectReadOnly = true // after a fail-over, do not stay with the old primary
	config.Timeout = 10 * time.Second
	config.Logger = silent{}
	config.Params = map[string]string{
		"sql_mode":  "'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'",
		"time_zone": "'+00:00'",
	}
	for name := range query {
		if name != "socket" && name != "tls" {
			return nil, errURL
		}
	}
	return config, config.Apply(mysql.Charset("utf8mb4", ""))
}

// session prepares every connection. Its isolation is read committed: the statuses of this system change by guarded updates,
// which need no repeatable reads; without them InnoDB takes no gap locks, so concurrent inserts rarely deadlock, and a read
// after a lock sees the row that was locked, not an older version of it. Reports that need one moment use Snapshot.
type session struct {
	driver.Connector
	access access
}

// The statements are those that MySQL, MariaDB and TiDB have in common. On a Galera cluster a reading connection waits
// until its node has applied what the cluster had committed when the statement came: whoever registered at one node finds
// the registration at another. MariaDB alone reads the comment, and without a cluster the variable has no effect.
const (
	isolation   = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
	causalReads = "SET @hongbao = 1 /*M!100101 , SESSION wsrep_sync_wait = 1 */"
)

// Connect opens a connection and prepares it.
func (s session) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	statements := []string{isolation}
	if s.access == reading {
		statements = append(statements, causalReads)
	}
	for _, statement := range statements {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, statement, nil); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

// mysqlDialector is GORM's for MySQL, which does not tell a server that is away from a mistake of ours.
type mysqlDialector struct{ *gormmysql.Dialector }

// Translate turns the driver's errors into GORM's, or into a fault of kind Unavailable.
func (d mysqlDialector) Translate(err error) error {
	return unavailable(d.Dialector.Translate(err))
}

// silent drops the driver's own log lines; every error reaches us as a value anyway.
type silent struct{}

// Print does nothing.
func (silent) Print(...any) {}

func mysqlNumber(err error) uint16 {
	var problem *mysql.MySQLError
	if errors.As(err, &problem) {
		return problem.Number
	}
	return 0
}
