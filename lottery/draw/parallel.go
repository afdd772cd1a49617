package draw

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// parallel runs the jobs 0..n-1 on all cores. Each goroutine asks newWorker for
// a function of its own, which may keep buffers.
func parallel(n int, newWorker func() func(job int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			work := newWorker()
			for job := int(next.Add(1)) - 1; job < n; job = int(next.Add(1)) - 1 {
				work(job)
			}
		})
	}
	wg.Wait()
}
