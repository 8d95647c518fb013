"""Make the tables of the hiring sample in the silo of client data."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import pgvector.django.vector
from django.db import migrations, models

# A generated column takes immutable functions only, which array_to_string is not for every type;
# for text it is.
WORDS = """
CREATE FUNCTION hiring_words(
    name text, headline text, city text, keywords varchar[], more varchar[], body text
) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector('english', coalesce(headline, '')), 'A')
        || setweight(to_tsvector('english', array_to_string(keywords, ' ')), 'A')
        || setweight(to_tsvector('english', array_to_string(more, ' ')), 'B')
        || setweight(to_tsvector('english', coalesce(city, '')), 'B')
        || setweight(to_tsvector('simple', coalesce(name, '')), 'B')
        || setweight(to_tsvector('english', coalesce(body, '')), 'D')
$$
"""
GONE = "DROP FUNCTION hiring_words(text, text, text, varchar[], varchar[], text)"


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.RunSQL(WORDS, GONE),
        migrations.CreateModel(
            name="Candidate",
            fields=[
                ("id", models.PositiveIntegerField(primary_key=True, serialize=False)),
                ("team", models.SlugField()),
                ("name", models.CharField(max_length=120)),
                ("headline", models.CharField(max_length=240)),
                ("field", models.CharField(max_length=32)),
                ("seniority", models.CharField(max_length=16)),
                ("years", models.PositiveSmallIntegerField()),
                ("city", models.CharField(max_length=64)),
                ("country", models.CharField(max_length=64)),
                (
                    "skills",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), size=None
                    ),
                ),
                (
                    "industries",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), size=None
                    ),
                ),
                ("companies", models.JSONField()),
                (
                    "languages",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), size=None
                    ),
                ),
                ("open_to_work", models.BooleanField()),
                ("remote", models.BooleanField()),
                ("salary_eur", models.PositiveIntegerField()),
                ("notice_weeks", models.PositiveSmallIntegerField()),
                ("summary", models.TextField()),
                ("embedding", pgvector.django.vector.VectorField(dimensions=384)),
                (
                    "words",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func(
                            "name",
                            "headline",
                            "city",
                            "skills",
                            "industries",
                            "summary",
                            function="hiring_words",
                        ),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["words"], name="candidate_words"
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["skills"], name="candidate_skills"
                    ),
                    models.Index(fields=["team", "city", "seniority"], name="candidate_filters"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.PositiveIntegerField(primary_key=True, serialize=False)),
                ("team", models.SlugField()),
                ("title", models.CharField(max_length=120)),
                ("company", models.CharField(max_length=64)),
                ("field", models.CharField(max_length=32)),
                ("seniority", models.CharField(max_length=16)),
                ("min_years", models.PositiveSmallIntegerField()),
                ("city", models.CharField(max_length=64)),
                ("country", models.CharField(max_length=64)),
                (
                    "skills",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), size=None
                    ),
                ),
                (
                    "nice_to_have",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), size=None
                    ),
                ),
                ("industry", models.CharField(max_length=64)),
                ("remote", models.BooleanField()),
                ("salary_from_eur", models.PositiveIntegerField()),
                ("salary_to_eur", models.PositiveIntegerField()),
                ("description", models.TextField()),
                ("embedding", pgvector.django.vector.VectorField(dimensions=384)),
                (
                    "words",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func(
                            "company",
                            "title",
                            "city",
                            "skills",
                            "nice_to_have",
                            "description",
                            function="hiring_words",
                        ),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(fields=["words"], name="job_words")
                ],
            },
        ),
    ]
