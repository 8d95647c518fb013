"""Count the changes of workbenches and columns, so that nobody overwrites what they never saw."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("console", "0001_workbenches")]

    operations = [
        migrations.AddField(
            model_name="workbench",
            name="revision",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="column",
            name="revision",
            field=models.PositiveIntegerField(default=1),
        ),
    ]
