"""Tell which cells one run of a column made; what is there already was made each for itself."""

from django.db import migrations, models

from playground.core.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("console", "0003_turn_intents")]

    operations = [
        migrations.AddField(
            model_name="cell",
            name="batch",
            field=models.UUIDField(null=True),
        ),
        migrations.RunSQL("UPDATE console_cell SET batch = id", reverse_sql=migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="cell",
            name="batch",
            field=models.UUIDField(default=new_id),
        ),
        migrations.AddIndex(
            model_name="cell",
            index=models.Index(fields=["column", "batch"], name="workbench_cell_batch"),
        ),
    ]
