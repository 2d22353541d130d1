"""What a flow's body says: its fields, references and tasks, the graph that they form, and its checks."""
