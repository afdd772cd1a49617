package admin

import (
	"fmt"
	"net/http"
	"time"

	"hongbao/internal/database"
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// recentRuns is how many runs are read to find the last one of each job.
const recentRuns = 500

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

func (k *Console) runJobNow(c *gin.Context) (string, error) {
	if _, err := k.RunNow(c.Request.Context(), c.Param("name"), web.ActorOf(c).Username); err != nil {
		return "", err
	}
	return done("/console/system/jobs", "ran"), nil
}

func (k *Console) lastRuns(c *gin.Context) (map[string]JobRun, error) {
	runs, err := k.Runs(c.Request.Context(), recentRuns)
	if err != nil {
		return nil, err
	}
	last := map[string]JobRun{}
	for _, run := range runs {
		if _, ok := last[run.Job]; !ok {
			last[run.Job] = run
		}
	}
	return last, nil
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
	result, when, rows, took := web.State("never"), web.Text(""), web.Text(""), web.Text("")
	if ran {
		result, when = web.State(runStatus(run)), web.When(run.StartedAt)
		result.Note = run.Error
	}
	if run.FinishedAt != 0 {
		rows = web.Number(run.Rows)
		took = web.Text(run.FinishedAt.Time().Sub(run.StartedAt.Time()).Round(time.Millisecond).String())
	}
	button := web.Form{Action: "/console/system/jobs/" + job.Name + "/run", Submit: web.Tr(c, "立即运行", "Run now"), Inline: true, Quiet: true}
	return web.Row{Cells: []web.Cell{{Text: title, Note: job.Name + " · " + job.Schedule}, result, when, rows, took, web.Act(button)}}
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
