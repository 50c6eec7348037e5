"""Commands for the stack on this machine: start and stop it, and show on it what a landing is."""

from typing import Annotated

import typer

from include.cli import land, output, services, terminal

DEMO_DAY = "2018-01-28"
IN_DEMO = 5  # answers, of many; `answers` shows all


def demo() -> None:
    """Start everything, land sample files, and show what landed. Everything keeps running."""
    from include.answers import questions
    from include.stack import lifecycle, samples

    settings = services.start_stack()
    folder = settings.inbox / "demo" / DEMO_DAY
    terminal.progress(f"sample files in {folder}")
    samples.write(folder, DEMO_DAY)
    receipt = land.land_day("demo", DEMO_DAY, [], again=False)
    output.receipt(receipt)
    land.exit_on_failure(receipt)
    output.answers(questions.answers(services.lake("demo"), questions.Asked.day(DEMO_DAY))[:IN_DEMO])
    output.addresses({**lifecycle.addresses(settings), "report": receipt["report"] or "none"})


def up() -> None:
    """Start Kafka, HDFS and Airflow on this machine. Those that run already are left alone."""
    from include.stack import lifecycle

    output.addresses(lifecycle.addresses(services.start_stack()))


def down() -> None:
    """Stop everything that was started on this machine. The data is kept."""
    from include.stack import lifecycle

    settings = services.settings()
    with terminal.status("stopping") as report:
        stopped = lifecycle.down(settings, report)
    terminal.progress(f"stopped; {stopped} processes ended, data kept in {settings.home}")


def clean(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop everything and remove its data: topics, tables on HDFS, Airflow's runs, sample files."""
    from include.stack import lifecycle

    settings = services.settings()
    if not yes:
        typer.confirm(f"Remove all topics, tables and runs under {settings.home}?", abort=True, err=True)
    with terminal.status("removing") as report:
        lifecycle.clean(settings, report)
    terminal.progress(f"removed the data under {settings.home}; the virtualenv and the jars stay")


def compose_env() -> None:
    """Make .env for docker-compose.yml: passwords and keys at random. Those that are there already are kept."""
    from include.stack import compose_env as env

    added = env.complete()
    terminal.progress(f"{env.FILE}: {'added ' + ', '.join(added) if added else 'complete, nothing was added'}")
