package app

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// slowLine stands between a replica and its database and holds back what the database answers.
type slowLine struct {
	listener net.Listener
	server   string
	delay    atomic.Int64 // nanoseconds, for each piece of an answer
}

func newSlowLine(t *testing.T, server string) *slowLine {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	line := &slowLine{listener: l, server: server}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go line.carry(near)
		}
	}()
	return line
}

func (l *slowLine) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", l.server)
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		_, _ = io.Copy(far, near)
		far.Close()
	}()
	piece := make([]byte, 64<<10)
	for {
		n, err := far.Read(piece)
		if err != nil {
			return
		}
		time.Sleep(time.Duration(l.delay.Load()))
		if _, err := near.Write(piece[:n]); err != nil {
			return
		}
	}
}

// A database that has become slow makes registrations slow, or answers that the service is busy: none that was
// acknowledged is lost, and none is answered as a mistake of ours.
func TestReplicaOnASlowDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	direct := mysqlURL(t)
	load := opened(t, direct)
	address, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	line := newSlowLine(t, address.Host)
	address.Host = line.listener.Addr().String()
	r := newReplica(t, address.String(), load.SMS)
	r.await("/readyz", http.StatusOK)
	load.Targets, load.Registrations, load.Rate, load.Lookups = []string{r.address()}, 100, 50, 1
	var held receipts
	load.Acknowledged = held.add
	line.delay.Store(int64(40 * time.Millisecond))
	report, err := load.Run(context.Background())
	line.delay.Store(0)
	if err != nil {
		t.Fatal(err)
	}
	answered(t, report)
	held.kept(t, direct)
}
