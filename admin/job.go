package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/fault"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// shownRuns is how many runs the page of a job lists.
const shownRuns = 50

// patience is how long a page waits for a job that was started by hand; what takes longer goes on without it.
const patience = 2 * time.Second

type jobJSON struct {
	Name     string   `json:"name"`
	ZH       string   `json:"title_zh"`
	Schedule string   `json:"schedule"`
	Last     *runJSON `json:"last,omitempty"`
}

type runJSON struct {
	StartedAt  string `json:"started_at"`
	FinishedAt string `json:"finished_at,omitempty"`
	Rows       int64  `json:"rows"`
	Error      string `json:"error,omitempty"`
	By         string `json:"by"`
}

// listJobs is GET /api/v1/admin/jobs.
func (k *Console) listJobs(c *gin.Context) error {
	last, err := k.lastRuns(c)
	if err != nil {
		return err
	}
	answer := make([]jobJSON, len(k.Jobs))
	for i, job := range k.Jobs {
		answer[i] = jobJSON{Name: job.Name, ZH: job.ZH, Schedule: job.Schedule}
		if run, ok := last[job.Name]; ok {
			one := runJSON{StartedAt: web.ISO(run.StartedAt), Rows: run.Rows, Error: run.Error, By: run.By}
			if run.FinishedAt != 0 {
				one.FinishedAt = web.ISO(run.FinishedAt)
			}
			answer[i].Last = &one
		}
	}
	c.JSON(http.StatusOK, gin.H{"jobs": answer})
	return nil
}

// runJob is POST /api/v1/admin/jobs/:name/run: it answers when the run has ended.
func (k *Console) runJob(c *gin.Context) error {
	rows, err := k.RunNow(c.Request.Context(), c.Param("name"), web.ActorOf(c).Username)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gin.H{"rows": rows})
	return nil
}

// runJobNow starts a job, which goes on if it is long or the person leaves.
func (k *Console) runJobNow(c *gin.Context) (string, error) {
	job, who := c.Param("name"), web.ActorOf(c).Username
	ended, ctx := make(chan error, 1), context.WithoutCancel(c.Request.Context())
	go func() {
		_, err := k.RunNow(ctx, job, who)
		ended <- err
	}()
	address := "/console/system/jobs/" + url.PathEscape(job)
	select {
	case err := <-ended:
		return done(address, "ran"), err
	case <-time.After(patience):
		return done(address, "started"), nil
	}
}

func (k *Console) lastRuns(c *gin.Context) (map[string]JobRun, error) {
	runs, err := k.LastRuns(c.Request.Context())
	last := make(map[string]JobRun, len(runs))
	for _, run := range runs {
		last[run.Job] = run
	}
	return last, err
}

// job is the page of one job: its last runs, and a button to run it now.
func (k *Console) job(c *gin.Context) (page, error) {
	at := slices.IndexFunc(k.Jobs, func(j database.Job) bool { return j.Name == c.Param("name") })
	if at < 0 {
		return page{}, errNoJob
	}
	job := k.Jobs[at]
	blocks, under, err := k.runBlocks(c, job.Name)
	title := job.ZH
	if web.Locale(c) == "en" {
		title = job.Name
	}
	shown := page{Title: title, State: job.Name + " · " + job.Schedule, Back: web.Tr(c, "任务", "Jobs"), BackURL: "/console/system/jobs",
		Blocks: []block{{Form: &web.Form{Action: "/console/system/jobs/" + job.Name + "/run", Submit: web.Tr(c, "立即运行", "Run now"), Inline: true}}}}
	if under {
		shown.Blocks = append(shown.Blocks, block{Live: "/console/system/jobs/" + job.Name + "/live", Inside: blocks})
	} else {
		shown.Blocks = append(shown.Blocks, blocks...)
	}
	return shown, err
}

var errNoJob = fault.New(fault.NotFound, "job-unknown", "没有这个任务。", "There is no such job.")

// runBlocks are the last runs of a job; under says whether one is under way.
func (k *Console) runBlocks(c *gin.Context, job string) (blocks []block, under bool, err error) {
	runs, err := k.Runs(c.Request.Context(), job, shownRuns)
	table := web.Table{Caption: web.Tr(c, "最近运行", "Last runs"), Columns: heads(c, "开始", "Started", "结果", "Result", "#处理行数", "#Rows", "#用时", "#Took", "发起", "By"),
		Empty: web.Empty{Title: web.Tr(c, "还没有运行过", "It has not run yet"), Text: web.Tr(c, "到时自动运行，也可以现在运行。", "It runs by the clock, or now.")}}
	for _, run := range runs {
		state := web.State(runStatus(run))
		state.Note = run.Error
		under = under || run.FinishedAt == 0 && k.Now().Sub(run.StartedAt.Time()) < database.LongestJob
		table.Rows = append(table.Rows, web.Row{Cells: []web.Cell{web.When(run.StartedAt), state, web.Number(run.Rows), web.Text(took(run)), web.Text(run.By)}})
	}
	return []block{{Title: web.Tr(c, "最近运行", "Last runs"), Table: &table}}, under, err
}

// followJob sends the runs of a job whenever they change, until none is under way.
func (k *Console) followJob(c *gin.Context) error {
	return k.web.Stream(c, "admin/page.html", "blocks", fastBeat, func() (any, bool, error) { return monitored(k.runBlocks(c, c.Param("name"))) })
}

func took(run JobRun) string {
	if run.FinishedAt == 0 {
		return "–"
	}
	return run.FinishedAt.Time().Sub(run.StartedAt.Time()).Round(time.Millisecond).String()
}

// jobs is the page of recurring work: when each ran last, what it did, and a button to run it now.
func (k *Console) jobs(c *gin.Context) (page, error) {
	last, err := k.lastRuns(c)
	if err != nil {
		return page{}, err
	}
	table := web.Table{Caption: web.Tr(c, "任务", "Jobs"), Columns: heads(c, "任务", "Job", "上次结果", "Last result", "上次运行", "Last run", "#处理行数", "#Rows", "#用时", "#Took", "操作", "Act")}
	failed := 0
	for _, job := range k.Jobs {
		run, ran := last[job.Name]
		if run.Error != "" {
			failed++
		}
		table.Rows = append(table.Rows, jobRow(c, job, run, ran))
	}
	state := web.Tr(c, fmt.Sprintf("%d 项任务按时自动运行，其中 %d 项上次出错。", len(k.Jobs), failed), fmt.Sprintf("%d jobs run by the clock; %d failed last time.", len(k.Jobs), failed))
	return page{Title: web.Tr(c, "任务", "Jobs"), State: state, Back: web.Tr(c, "系统", "System"), BackURL: "/console/system",
		Blocks: []block{{Table: &table}}}, nil
}

func jobRow(c *gin.Context, job database.Job, run JobRun, ran bool) web.Row {
	title := job.ZH
	if web.Locale(c) == "en" {
		title = job.Name
	}
	result, when, rows := web.State("never"), web.Text(""), web.Text("")
	if ran {
		result, when, rows = web.State(runStatus(run)), web.When(run.StartedAt), web.Number(run.Rows)
		result.Note = run.Error
	}
	button := web.Form{Action: "/console/system/jobs/" + job.Name + "/run", Submit: web.Tr(c, "立即运行", "Run now"), Inline: true, Quiet: true}
	return web.Row{URL: "/console/system/jobs/" + job.Name, Cells: []web.Cell{{Text: title, Note: job.Name + " · " + job.Schedule}, result, when, rows, web.Text(took(run)), web.Act(button)}}
}

func runStatus(run JobRun) string {
	switch {
	case run.Error != "":
		return "error"
	case run.FinishedAt == 0:
		return "running"
	}
	return "ok"
}
