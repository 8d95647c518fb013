"""Keep which skill a turn was about to call, so that a lost worker makes none act twice."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("console", "0002_workbench_revisions")]

    operations = [
        migrations.AddField(
            model_name="turn",
            name="intents",
            field=models.JSONField(default=dict),
        ),
    ]
