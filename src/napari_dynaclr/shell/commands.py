"""What napari's command palette offers: docks, actions of their views, and the way to defaults."""

from collections.abc import Callable
from typing import Any

from napari_dynaclr.keys.curation import Do
from napari_dynaclr.keys.steps import Step

__all__ = (
    "curation_accept",
    "curation_apply",
    "curation_exclude",
    "curation_redo",
    "curation_undo",
    "curation_unsure",
    "lineage_first_daughter",
    "lineage_mother",
    "lineage_next",
    "lineage_previous",
    "lineage_second_daughter",
    "lineage_sister",
    "pair_again",
    "pair_anchor",
    "pair_back",
    "pair_batch",
    "pair_forward",
    "pair_next",
    "pair_previous",
    "pair_random",
    "reset_choices",
    "show_batches",
    "show_curation",
    "show_embedding",
    "show_lineage",
    "show_pairs",
    "show_project",
    "show_training",
)


def _viewer() -> Any:
    import napari

    viewer = napari.current_viewer()
    if viewer is None:
        raise RuntimeError("no viewer is open")
    return viewer


def _dock(name: str) -> Any:
    """Return a dock of the current viewer, opened if it was not."""
    from napari_dynaclr.shell.docks import open_dock

    return open_dock(_viewer(), name)


def _show(name: str) -> Callable[[], None]:
    def act() -> None:
        _dock(name).then(lambda view: view.setFocus())

    return act


def _pair(name: str) -> Callable[[], None]:
    def act() -> None:
        _dock("Pairs").then(lambda view: view.controller.act(name))

    return act


def _step(step: Step) -> Callable[[], None]:
    def act() -> None:
        from napari_dynaclr.shell.hub import hub_of

        hub_of(_viewer()).context.picker.step(step)

    return act


def _curation(do: Do) -> Callable[[], None]:
    def act() -> None:
        _dock("Curation").then(lambda view: view.owner.do(do.value))

    return act


show_project, show_pairs, show_lineage = _show("Project"), _show("Pairs"), _show("Lineage")
show_batches, show_curation = _show("Batches"), _show("Curation")
show_training, show_embedding = _show("Training"), _show("Embedding")
pair_previous, pair_next, pair_random = _pair("previous"), _pair("next"), _pair("random")
pair_anchor, pair_again, pair_batch = _pair("anchor"), _pair("again"), _pair("batch")
pair_back, pair_forward = _pair("back"), _pair("forward")
lineage_previous, lineage_next = _step(Step.PREVIOUS), _step(Step.NEXT)
lineage_mother, lineage_sister = _step(Step.MOTHER), _step(Step.SISTER)
lineage_first_daughter = _step(Step.FIRST_DAUGHTER)
lineage_second_daughter = _step(Step.SECOND_DAUGHTER)
curation_accept, curation_exclude = _curation(Do.ACCEPT), _curation(Do.EXCLUDE)
curation_unsure, curation_apply = _curation(Do.UNSURE), _curation(Do.APPLY)
curation_undo, curation_redo = _curation(Do.UNDO), _curation(Do.REDO)


def reset_choices() -> None:
    """Give every action the key of its table, and forget what was remembered between sessions."""
    from napari_dynaclr.keys.choices import CHOICES
    from napari_dynaclr.shell.hub import hub_of
    from napari_dynaclr.state.memory import forget

    hub_of(_viewer())  # it follows the preferences that are reset
    CHOICES.reset()
    forget()
