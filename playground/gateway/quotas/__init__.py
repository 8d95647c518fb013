"""What a team, a key or a model may use: reserved before a call, settled on what it used."""
