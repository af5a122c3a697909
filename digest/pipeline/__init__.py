"""The order of the stages, what one failure may stop, and the wiring between them.

    fetch → parse → store → encode → summarise → group → compose → render → outbox

Only this room imports the stages. A feed that fails is a line of the run report; a digest that
fails leaves the others alone; a store or a model that can't be used ends the run. Each step is
recognised by a key (article id, content hash, edition = digest + local date), so that a second
run does nothing twice.
"""
