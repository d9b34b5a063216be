"""Commands of napari's command palette: docks, actions of their views, and a reset to defaults.

The commands are those of the tables of actions: the manifest names them, and they are made when asked for.
"""

from collections.abc import Callable
from typing import Any

from napari_dynaclr.keys.steps import Step
from napari_dynaclr.keys.tables import TABLES, KeyTable

__all__ = ("reset_choices",)

_SHOW = "show_"


def __getattr__(name: str) -> Callable[[], None]:
    """Return the command of a dock, or of an action of one."""
    if name.startswith(_SHOW):
        return lambda: _dock(name.removeprefix(_SHOW).capitalize()).then(lambda view: view.setFocus())
    for table in TABLES.values():
        if name in table.commands:
            return _command(table, str(table.commands[name].name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _command(table: KeyTable, name: str) -> Callable[[], None]:
    if table.on_layers:
        return lambda: _hub().context.picker.step(Step(name))  # no dock is needed
    return lambda: _dock(table.dock).then(lambda view: view.controller.act(name))


def _viewer() -> Any:
    import napari

    viewer = napari.current_viewer()
    if viewer is None:
        raise RuntimeError("no viewer is open")
    return viewer


def _hub() -> Any:
    from napari_dynaclr.shell.hub import hub_of

    return hub_of(_viewer())


def _dock(name: str) -> Any:
    """Return a dock of the current viewer, opened if it was not."""
    from napari_dynaclr.shell.docks import open_dock

    return open_dock(_viewer(), name)


def reset_choices() -> None:
    """Give every action the key of its table, and forget what was remembered between sessions."""
    from napari_dynaclr.keys.choices import CHOICES
    from napari_dynaclr.state.memory import forget

    _hub()  # it follows the preferences that are reset
    CHOICES.reset()
    forget()
