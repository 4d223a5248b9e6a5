"""From a description to an English expression: templates, forms, and the spans of the objects that it names."""
