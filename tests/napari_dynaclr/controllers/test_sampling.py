"""Options of the sampler: from what is open into the form, and back into a file, with real clicks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QFileDialog
from tests.support.batches import Opened

from dynaclr.options.catalogue import options
from napari_dynaclr.state.memory import note_project
from napari_dynaclr.state.project import open_project


@pytest.fixture
def opened(qtbot: Any, coded_source: Path, tmp_path: Path, qapp: Any) -> Any:
    dock = Opened(qtbot, coded_source, tmp_path)
    yield dock
    dock.jobs.close()


def test_options_change_the_batch_at_once(opened: Opened) -> None:
    opened.tab(3)
    view, project = opened.view, opened.session.project
    before = [bar.count for bar in view.effect["experiment"].bars]
    leaky = view.form.fields["leaky"]
    assert options("sampling")[2].help in leaky.widget.native.toolTip()
    opened.type_into(leaky.widget.native, "0.5")
    assert opened.session.project is not project
    assert opened.session.project.pipeline.train_index is project.pipeline.train_index
    assert opened.session.project.inspector.sampler.shares.leaky == 0.5
    assert [bar.count for bar in view.effect["experiment"].bars] != before
    assert view.form.changes() == {"leaky": 0.5}
    aware = view.form.fields["experiment_aware"]
    box = aware.widget.native
    opened.click(box, QPoint(8, box.height() // 2))
    opened.bot.wait(300)
    opened.settle()
    assert not leaky.widget.native.isEnabled()
    assert "'experiment_aware' is off" in leaky.widget.native.toolTip()
    opened.click(view.form.reset)
    opened.bot.wait(300)
    opened.settle()
    assert view.form.changes() == {}
    assert [bar.count for bar in view.effect["experiment"].bars] == before


def test_an_error_stands_beside_its_field(opened: Opened) -> None:
    opened.tab(3)
    form, project = opened.view.form, opened.session.project
    ratio = form.fields["condition_ratio"]
    for name in ("infected", "uninfected"):
        opened.type_into(ratio.parts[name].native, "0")
    assert "all weights are 0" in ratio.error.text()
    assert ratio.error.isVisible()
    assert not form.fields["leaky"].error.isVisible()
    opened.type_into(ratio.parts["infected"].native, "2")
    assert not ratio.error.isVisible()
    drawn = {bar.label: bar.count for bar in opened.view.effect["condition"].bars}
    assert drawn == {"infected": 40, "uninfected": 0}
    assert opened.session.project is not project


def test_changed_options_are_written_back(opened: Opened, monkeypatch: Any) -> None:
    opened.tab(3)
    form, text = opened.view.form, opened.path.read_text()
    assert not form.write.isEnabled()
    opened.type_into(form.fields["leaky"].widget.native, "0.5")
    opened.click(form.write)
    assert form.question.isVisible()
    opened.click(form.no)
    assert opened.path.read_text() == text
    opened.click(form.write)
    opened.click(form.yes)
    opened.settle()
    assert opened.path.read_text() == text.replace("leaky: 0.25", "leaky: 0.5")
    assert not form.write.isEnabled()
    assert form.changes() == {}
    opened.type_into(form.fields["batch_size"].widget.native, "32")
    other = opened.path.with_name("other")
    asked: list[str] = []
    note_project(opened.path)
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *args: asked.append(args[2]) or (str(other), "")
    )
    opened.click(form.save_as)
    opened.settle()
    assert asked == [str(opened.path.parent)]  # not where the program was started
    wanted = text.replace("leaky: 0.25", "leaky: 0.5").replace("size: 40  ", "size: 32  ")
    assert other.with_suffix(".yaml").read_text() == wanted
    assert "other.yaml" in form.message.text()
    assert open_project(other.with_suffix(".yaml")).pipeline.config.sampling.batch_size == 32


def test_a_list_of_experiments_cannot_be_written_to(opened: Opened, coded_source: Path) -> None:
    opened.session.project = open_project(coded_source)
    opened.settle()
    form = opened.view.form
    assert not form.save_as.isEnabled()
    assert "no training" in form.save_as.toolTip()
