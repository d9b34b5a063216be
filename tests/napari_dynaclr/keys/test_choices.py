"""Keys that people choose: which are valid, how they are followed, and that they act at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from npe2 import PluginManager, PluginManifest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_dynaclr.keys.choices import CHOICES, KeyChoices
from napari_dynaclr.keys.tables import KEYS, NO_KEY, TABLES, KeyTable, hint, valid_keys
from napari_dynaclr.shell.hub import hub_of
from napari_dynaclr.state.memory import remember
from napari_dynaclr.state.project import TRAINING, Cell, Project

ROOT = Path(__file__).parents[3]
PLUGIN = "napari-dynaclr"
LINEAGE, PAIRS = TABLES["lineage_keys"], TABLES["pair_keys"]
TAKEN = {"V": "toggle visibility"}


def test_the_manifest_offers_every_action_with_its_key() -> None:
    found = PluginManifest.from_file(ROOT / "napari.yaml").contributions.configurations or {}
    assert set(found) == {"curation", *TABLES}
    for section, table in TABLES.items():
        properties = found[section].properties
        assert {name: value.default for name, value in properties.items()} == table.defaults
        assert {name: value.description for name, value in properties.items()} == {
            action.name: action.tooltip for action in table.actions
        }
        assert all(tuple(value.enum) == KEYS for value in properties.values())


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_the_keys_of_the_tables_are_valid(table: KeyTable) -> None:
    keys = list(table.defaults.values())
    assert len(set(keys)) == len(keys)
    assert set(keys) <= set(KEYS) - {NO_KEY}


def test_a_key_of_another_action_is_refused_and_both_are_named() -> None:
    former = PAIRS.defaults
    keys, problems = valid_keys(PAIRS, former | {"next": "K"}, former, {})
    assert keys == former
    assert problems == ["pair view: K is already the key of 'previous'. 'next' keeps J, not K."]


def test_a_key_that_is_none_or_napari_s_is_refused() -> None:
    former = LINEAGE.defaults
    for key, why in (
        ("hyper", "'hyper' is not a key that can be chosen"),
        ("V", "napari's own (toggle visib"),
    ):
        keys, problems = valid_keys(LINEAGE, former | {"mother": key}, former, TAKEN)
        assert keys == former
        assert len(problems) == 1
        assert why in problems[0]
    assert valid_keys(LINEAGE, former | {"find": "V"}, former, TAKEN) == (former | {"find": "V"}, [])


def test_keys_may_be_exchanged_and_an_action_may_have_none() -> None:
    former = PAIRS.defaults
    swapped = former | {"next": "K", "previous": "J"}
    assert valid_keys(PAIRS, swapped, former, {}) == (swapped, [])
    without = former | {"next": NO_KEY, "previous": NO_KEY}
    assert valid_keys(PAIRS, without, former, {}) == (without, [])
    assert hint("Next", NO_KEY) == "Next"
    assert hint("Next", "J") == "Next (J)"


FEW = ("A", "B", "C", "D", "E", NO_KEY, "nonsense", "V")


@settings(deadline=None, max_examples=50)
@given(st.permutations(FEW[:5]), st.lists(st.sampled_from(FEW), min_size=5, max_size=5))
def test_what_comes_out_is_valid_whatever_is_chosen(before: list[str], chosen: list[str]) -> None:
    table = KeyTable("x", "view", "Dock", LINEAGE.actions[:5], frozenset({"previous", "next"}))
    former = dict(zip(table.defaults, before, strict=True))
    wanted = dict(zip(table.defaults, chosen, strict=True))
    keys, problems = valid_keys(table, wanted, former, TAKEN)
    held = [key for key in keys.values() if key != NO_KEY]
    assert len(set(held)) == len(held)
    assert set(held) <= set(KEYS)
    assert "V" not in (keys["previous"], keys["next"])
    assert all(keys[name] in (wanted[name], former[name]) for name in keys)
    assert len(problems) == sum(keys[name] != wanted[name] for name in keys)
    wishes = [key for key in chosen if key != NO_KEY]
    sound = len(set(wishes)) == len(wishes) and set(wishes) <= set(KEYS) and "V" not in chosen[:2]
    assert not sound or keys == wanted


class Queue:
    """Runs functions when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, act: Callable[[], None]) -> None:
        self.waiting.append(act)

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


@pytest.fixture
def preferences(tmp_path: Path) -> Any:
    """The plugin's preferences as napari makes them from the manifest, in a file of their own."""
    from napari.settings._plugin_config_generator import plugin_configuration_generator

    manager = PluginManager()
    manager.register(PluginManifest.from_file(ROOT / "napari.yaml"))
    return plugin_configuration_generator(manager)[PLUGIN](config_path=tmp_path / "keys.yaml")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What napari was asked to tell the user."""
    from napari.utils.notifications import notification_manager

    monkeypatch.setattr(notification_manager, "records", [])
    heard: list[str] = []
    notification_manager.notification_ready.connect(lambda event: heard.append(event.message))
    return heard


def test_choices_follow_the_preferences_and_take_back_what_is_not_valid(
    preferences: Any, told: list[str]
) -> None:
    choices, queue, heard = KeyChoices(), Queue(), []
    choices.changed.connect(heard.append)
    choices.follow(preferences, queue)
    preferences.pair_keys.next = "L"
    queue.run()
    assert choices.of("pair_keys")["next"] == "L"
    assert heard == ["pair_keys"]
    preferences.pair_keys.next = "K"
    queue.run()
    assert choices.of("pair_keys")["next"] == preferences.pair_keys.next == "L"
    assert told == ["DynaCLR: pair view: K is already the key of 'previous'. 'next' keeps L, not K."]
    assert heard == ["pair_keys"]
    preferences.pair_keys.update({"next": "K", "previous": "J"})
    queue.run()
    preferences.reset()
    queue.run()
    assert choices.of("pair_keys") == PAIRS.defaults
    assert len(told) == 1


def test_choices_are_saved_and_reset(preferences: Any, told: list[str]) -> None:
    choices = KeyChoices()
    choices.follow(preferences, lambda act: act())
    preferences.batch_keys.next = "Right"
    preferences.save()
    again = type(preferences)(config_path=preferences.config_path)
    other = KeyChoices()
    other.follow(again, lambda act: act())
    assert other.of("batch_keys") == {"previous": "K", "next": "Right"}
    other.reset()
    assert other.of("batch_keys") == TABLES["batch_keys"].defaults
    assert again.batch_keys.next == "J"
    assert told == []


def test_a_file_with_nonsense_leaves_the_keys_of_the_tables(preferences: Any, told: list[str]) -> None:
    preferences.config_path.write_text(
        "pair_keys: {next: hyper, mode: L}\nlineage_keys: {next: W}\n", encoding="utf-8"
    )
    found = type(preferences)(config_path=preferences.config_path)
    choices = KeyChoices()
    choices.follow(found, lambda act: act())
    assert choices.of("pair_keys") == PAIRS.defaults | {"mode": "L"}
    assert choices.of("lineage_keys") == LINEAGE.defaults
    assert len(told) == 1
    assert "'sister'" in told[0]


@pytest.fixture
def window(
    make_napari_viewer: Any, sample_project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A viewer with a project, and preferences in a file of their own."""
    from napari import settings as of_napari

    monkeypatch.setattr(of_napari, "_CFG_PATH", str(tmp_path / "napari.yaml"))
    of_napari._clear_plugin_settings_cache()
    viewer = make_napari_viewer(show=True)
    hub_of(viewer).session.project = sample_project
    yield viewer
    CHOICES.reset()
    QApplication.processEvents()
    of_napari._clear_plugin_settings_cache()


def page_of(dialog: Any, section: str) -> Any:
    """Return the widgets of a section of the plugin by name of the action."""
    from napari._vendor.qt_json_builder.qt_jsonschema_form.widgets import FormWidget

    title = f"Keyboard shortcuts of the {TABLES[section].view}"
    forms = [form for form in dialog.findChildren(FormWidget) if form.widget.schema.get("title") == title]
    assert len(forms) == 1
    return forms[0].widget.widgets


@pytest.mark.filterwarnings("ignore:sampler:UserWarning")
def test_a_key_chosen_in_the_preferences_acts_at_once(
    window: Any, qtbot: Any, told: list[str], own_memory: Path
) -> None:
    from napari._app_model import get_app_model
    from napari._qt.dialogs.preferences_dialog import PreferencesDialog

    hub = hub_of(window)
    remember("pairs as", "raw")
    view = window.window.add_plugin_dock_widget(PLUGIN, "Lineage")[1].content
    qtbot.waitUntil(lambda: not hub.jobs._jobs and not hub.context.busy, timeout=60_000)
    session = hub.session
    session.select(Cell(TRAINING, 1))
    qtbot.waitUntil(lambda: not hub.jobs._jobs and not hub.context.busy, timeout=60_000)
    dialog = PreferencesDialog(window.window._qt_window)
    qtbot.addWidget(dialog)
    dialog.show()
    boxes = page_of(dialog, "lineage_keys")

    def choose(name: str, key: str) -> None:
        boxes[name].setCurrentText(key)
        qtbot.waitUntil(lambda: not CHOICES._due)

    choose("next", "L")
    assert "(L)" in view.steps.buttons["next"].toolTip()
    assert "L next" in view.keys.text()
    cell = session.cell
    qtbot.keyClick(view, Qt.Key.Key_J)
    assert session.cell == cell
    qtbot.keyClick(view, Qt.Key.Key_L)
    qtbot.waitUntil(lambda: session.cell != cell)
    layer = hub.context.layers.find("cells")
    bound = {str(key) for key in layer.keymap}
    assert "L" in bound
    assert "J" not in bound
    for name, key, words in (("sister", "K", "'previous'"), ("mother", "V", "napari's own")):
        told.clear()
        before = boxes[name].currentText()
        choose(name, key)
        assert boxes[name].currentText() == before == CHOICES.of("lineage_keys")[name]
        assert len(told) == 1
        assert words in told[0]
    get_app_model().commands.execute_command(f"{PLUGIN}.reset_choices").result()
    qtbot.waitUntil(lambda: CHOICES.of("lineage_keys") == LINEAGE.defaults)
    assert boxes["next"].currentText() == "J"
    assert not own_memory.exists()
    choose("next", "R")
    dialog.reject()
    qtbot.waitUntil(lambda: CHOICES.of("lineage_keys") == LINEAGE.defaults)
    assert "J" in {str(key) for key in layer.keymap}
