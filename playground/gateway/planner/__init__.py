"""The offline planner: rules that choose tools, fill their arguments and report what came out.

It is not a language model and says so. No rule here knows any particular tool: everything is read
off the tools' names, descriptions and JSON Schemas.
"""
