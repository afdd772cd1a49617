package app

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/testkit"
)

// mariadb is a private server on the loopback address, which a test may stop and start.
type mariadb struct {
	t       *testing.T
	data    string
	user    string
	port    int
	options []string // further ones of the server
	process *exec.Cmd
}

// privateMariaDB starts a server with an empty data directory; it skips the test where none is installed.
func privateMariaDB(t *testing.T, options ...string) *mariadb {
	t.Helper()
	dir, err := os.MkdirTemp("", "hongbao-mariadb-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return mariaDBIn(t, dir, options...)
}

// mariaDBIn is privateMariaDB in an empty directory of the test's.
func mariaDBIn(t *testing.T, dir string, options ...string) *mariadb {
	t.Helper()
	install, err := exec.LookPath("mariadb-install-db")
	if err != nil {
		t.Skip("MariaDB is not installed")
	}
	m := &mariadb{t: t, data: dir, port: freePort(t), options: options}
	self, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if m.user = self.Username; m.user == "root" { // the server refuses to run as root
		m.user = "mysql"
		owner, err := user.Lookup(m.user)
		if err != nil {
			t.Skip("there is no user mysql")
		}
		uid, _ := strconv.Atoi(owner.Uid)
		gid, _ := strconv.Atoi(owner.Gid)
		if err := os.Chown(m.data, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(install, "--no-defaults", "--user="+m.user, "--datadir="+filepath.Join(m.data, "db"),
		"--auth-root-authentication-method=normal", "--skip-test-db").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m.start()
	t.Cleanup(m.kill)
	return m
}

func (m *mariadb) start() {
	m.t.Helper()
	m.process = exec.Command("mariadbd", append([]string{"--no-defaults", "--user=" + m.user, "--datadir=" + filepath.Join(m.data, "db"), "--bind-address=127.0.0.1",
		fmt.Sprint("--port=", m.port), "--socket=" + filepath.Join(m.data, "s"), "--pid-file=" + filepath.Join(m.data, "pid"),
		"--innodb-flush-log-at-trx-commit=1", "--max-connections=300", "--innodb-buffer-pool-size=128M"}, m.options...)...)
	m.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := m.process.Start(); err != nil {
		m.t.Fatal(err)
	}
	deadline := time.Now().Add(60 * time.Second)
	for {
		db, err := database.Open(context.Background(), m.url(""))
		if err == nil {
			db.Close()
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("MariaDB does not answer: %v", err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// kill ends the server as a power cut would.
func (m *mariadb) kill() {
	_ = m.process.Process.Kill()
	_ = m.process.Wait()
}

func (m *mariadb) url(name string) string {
	return fmt.Sprintf("mysql://root@127.0.0.1:%d/%s", m.port, name)
}

func (m *mariadb) create(name string) string {
	m.t.Helper()
	db, err := database.Open(context.Background(), m.url(""))
	if err != nil {
		m.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.SQL().Exec("CREATE DATABASE " + name + " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
		m.t.Fatal(err)
	}
	return m.url(name)
}

// mysqlURL is an empty database on the server that the environment names, or on a private one.
func mysqlURL(t *testing.T) string {
	t.Helper()
	if os.Getenv(testkit.Server) != "" {
		return testkit.MySQL(t)
	}
	return privateMariaDB(t).create("hongbao")
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
