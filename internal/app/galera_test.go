package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

// galera is a cluster of three database nodes, started by the script that people use.
type galera struct {
	t    *testing.T
	dir  string
	urls []string // of the nodes, in their order, each ending in "/"
}

func galeraCluster(t *testing.T) *galera {
	t.Helper()
	if _, err := os.Stat("/usr/lib/galera/libgalera_smm.so"); err != nil {
		t.Skip("Galera is not installed")
	}
	dir, err := os.MkdirTemp("", "hongbao-galera-*")
	if err != nil {
		t.Fatal(err)
	}
	c := &galera{t: t, dir: dir}
	t.Cleanup(func() {
		c.run("stop")
		os.RemoveAll(dir)
	})
	c.urls = strings.Fields(c.run("start"))
	if len(c.urls) != 3 {
		t.Fatalf("nodes: %v", c.urls)
	}
	return c
}

func (c *galera) run(act string, node ...string) string {
	c.t.Helper()
	command := exec.Command("../../deploy/galera.sh", append([]string{act, c.dir}, node...)...)
	command.Env = append(os.Environ(), "GALERA_PORT=24500")
	var complaint strings.Builder
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		c.t.Fatalf("%s %v: %v\n%s", act, node, err, complaint.String())
	}
	return string(out)
}

// A replica at each node of a cluster. One node is killed under load and joins again: its replica says that it is not ready
// and goes on by itself, every job runs once on the whole cluster, no receipt is without its row on any node.
func TestReplicasOnAGaleraCluster(t *testing.T) {
	if !long() {
		t.Skip("takes minutes: HONGBAO_LONG is not set")
	}
	cluster := galeraCluster(t)
	mysql := strings.TrimSuffix(strings.TrimPrefix(cluster.urls[0], "mysql://root@127.0.0.1:"), "/")
	if out, err := exec.Command("mariadb", "--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-P", mysql, "-u", "root", "-e",
		"CREATE DATABASE hongbao CHARACTER SET utf8mb4 COLLATE utf8mb4_bin").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("writers at different nodes", func(t *testing.T) { writersAtDifferentNodes(t, cluster) })
	load := opened(t, cluster.urls[0]+"hongbao")
	var replicas []*replica
	for _, url := range cluster.urls {
		r := newReplica(t, url+"hongbao", load.SMS)
		replicas, load.Targets = append(replicas, r), append(load.Targets, r.address())
	}
	for _, r := range replicas {
		r.await("/readyz", http.StatusOK)
	}
	present := attend(replicas...)
	load.Registrations, load.Rate, load.Lookups = 4000, 40, 1
	var held receipts
	load.Acknowledged = held.add
	var outage sync.WaitGroup
	outage.Go(func() {
		time.Sleep(10 * time.Second)
		betweenRuns()
		cluster.run("kill", "2")
		replicas[1].await("/readyz", http.StatusServiceUnavailable)
		time.Sleep(10 * time.Second)
		cluster.run("join", "2")
		replicas[1].await("/readyz", http.StatusOK)
	})
	report, err := load.Run(context.Background())
	outage.Wait()
	if err != nil {
		t.Fatal(err)
	}
	answered(t, report)
	if report.Retried == 0 {
		t.Error("nobody had to ask again: the outage was not felt")
	}
	minutes := present.minutes(t)
	for n, url := range cluster.urls {
		t.Run(fmt.Sprint("node ", n+1), func(t *testing.T) { held.kept(t, url+"hongbao", minutes...) })
	}
}

// writersAtDifferentNodes move one row from every node at the same time. A node learns of the others' writes at its commit, where the
// loser hears error 1213; it is run again until it counts, so no move is lost.
func writersAtDifferentNodes(t *testing.T, cluster *galera) {
	const moves = 60
	var nodes []*database.DB
	for _, url := range cluster.urls {
		db, err := database.Open(t.Context(), url+"hongbao")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		nodes = append(nodes, db)
	}
	for _, statement := range []string{"CREATE TABLE contended (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)", "INSERT INTO contended VALUES (1, 0)"} {
		if _, err := nodes[0].SQL().Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	var runs atomic.Int64
	var writers sync.WaitGroup
	for _, db := range nodes {
		writers.Go(func() {
			for range moves {
				err := db.InTx(t.Context(), func(tx *gorm.DB) error {
					runs.Add(1)
					return tx.Exec("UPDATE contended SET n = n + 1 WHERE id = 1").Error
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	for n, db := range nodes {
		var sum int64
		if err := db.Read(t.Context()).Raw("SELECT n FROM contended WHERE id = 1").Scan(&sum).Error; err != nil || sum != 3*moves {
			t.Errorf("node %d counts %d of %d, %v", n+1, sum, 3*moves, err)
		}
	}
	if runs.Load() == 3*moves {
		t.Error("no two nodes ever collided")
	}
	t.Logf("%d transactions took %d runs", 3*moves, runs.Load())
	if _, err := nodes[0].SQL().Exec("DROP TABLE contended"); err != nil {
		t.Error(err)
	}
}
