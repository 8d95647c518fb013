"""Let a version of an agent take its prompt by a label."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agents", "0003_immutable_versions")]

    operations = [
        migrations.AddField(
            model_name="agentversion",
            name="prompt_label",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
    ]
