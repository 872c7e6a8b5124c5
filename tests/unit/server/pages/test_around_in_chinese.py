"""What a Chinese reader meets beside the case: jobs that failed or run, and the decision log."""

from __future__ import annotations

from desk import Desk


def test_a_failed_job_is_told_in_the_readers_language(clinic) -> None:
    desk = Desk(clinic, "dr.lin", "zh")
    desk.post(f"/cases/{clinic.patient}/diagnose")
    (job,) = list(clinic.jobs.known)[-1:]
    known = clinic.jobs.known[job]
    crashed = {"code": "crashed", "got": "the job stopped with an unexpected error"}
    clinic.jobs.known[job] = known.model_copy(update={"state": "failed", "error": crashed})
    assert "任务因意外错误而停止。" in desk.get(f"/jobs/{job}").text
    assert "任务因意外错误而停止。" in desk.get("/jobs").text
    running = {"state": "running", "step": "intake"}
    clinic.jobs.known[job] = known.model_copy(update=running)
    assert "处理中：正在读取文件" in desk.get(f"/jobs/{job}").text
    desk.http.close()


def test_the_decision_log_is_read_in_chinese(clinic) -> None:
    desk = Desk(clinic, "admin", "zh")
    text = desk.get("/admin").text
    assert "<td>登录</td>" in text
    assert "<td>管理</td>" in text
    desk.http.close()
