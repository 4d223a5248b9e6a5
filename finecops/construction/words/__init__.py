"""The words of GQA's world, as tables of the project's own."""
